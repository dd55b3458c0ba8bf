//! Aliases and tokens.

use millstream_core::Coded;

use super::*;

#[tokio::test]
async fn aliases_are_moved_rolled_back_and_remembered() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let model = AssetKey::model("tagger");
    for _ in 0..3 {
        let attempt = request(run, std::slice::from_ref(&model));
        publish(&ledger, &attempt, &staged(std::slice::from_ref(&model))).await;
    }
    let unknown = ledger.move_alias("tagger", "champion", 4, "ada", "try").await.unwrap_err();
    assert_eq!(unknown.code(), "ledger.unknown_version");
    for version in [1, 2, 2, 3] {
        ledger.move_alias("tagger", "champion", version, "ada", "better").await.unwrap();
    }
    let back = ledger.roll_back_alias("tagger", "champion", "bob", "worse").await.unwrap();
    assert_eq!((back.version, back.change), (2, Change::RolledBack));
    let back = ledger.roll_back_alias("tagger", "champion", "bob", "worse still").await.unwrap();
    assert_eq!(back.version, 1);
    let none = ledger.roll_back_alias("tagger", "champion", "bob", "again").await.unwrap_err();
    assert_eq!(none.code(), "ledger.no_earlier_version");

    assert_eq!(ledger.alias("tagger", "champion").unwrap(), Some(back.clone()));
    assert_eq!(ledger.aliases().unwrap(), [back]);
    let history: Vec<_> =
        ledger.alias_history("tagger").unwrap().iter().map(|record| record.version).collect();
    assert_eq!(history, [1, 2, 3, 2, 1]);
}

#[tokio::test]
async fn tokens_are_kept_until_they_are_revoked() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    let token = TokenRecord {
        id: "t1".to_owned(),
        name: "ci".to_owned(),
        hash: vec![1, 2, 3],
        scopes: vec!["query".to_owned()],
        created_at: Timestamp::from_micros(5),
        expires_at: None,
    };
    one.add_token(token.clone()).await.unwrap();
    assert_eq!(one.add_token(token.clone()).await.unwrap_err().code(), "ledger.token_exists");
    assert_eq!(two.token("t1").unwrap(), Some(token.clone()));
    assert_eq!(two.tokens().unwrap(), [token]);
    two.revoke_token("t1").await.unwrap();
    assert_eq!(one.token("t1").unwrap(), None);
    assert_eq!(one.revoke_token("t1").await.unwrap_err().code(), "ledger.unknown_token");
}
