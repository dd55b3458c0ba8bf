//! Releases: one is current, and nobody approves their own.

use millstream_core::Coded;

use super::*;

fn actor(name: &str) -> Actor {
    Actor { name: name.to_owned(), via: Via::CommandLine }
}

fn release(tree: &str, base: Option<u64>, approvals_needed: u32) -> NewRelease {
    NewRelease {
        tree: ContentHash::of(tree.as_bytes()),
        files: 2,
        bytes: 10,
        message: Some(format!("files of {tree}")),
        git: ReleaseOrigin { commit: Some("abc".to_owned()), ..ReleaseOrigin::default() },
        base,
        restores: None,
        approvals_needed,
        approvals_asked: approvals_needed,
        by: actor("ada"),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("it is refused").code()
}

#[tokio::test]
async fn a_release_takes_the_place_of_the_one_it_was_compared_with() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    assert_eq!(ledger.current_release().unwrap(), None);
    let first = ledger.add_release(release("one", None, 0)).await.unwrap();
    assert_eq!((first.release, first.state), (1, ReleaseState::Current));
    assert_eq!(code(ledger.add_release(release("late", None, 0)).await), "ledger.release_outdated");
    let second = ledger.add_release(release("two", Some(1), 0)).await.unwrap();
    assert_eq!(ledger.current_release().unwrap(), Some(second.clone()));
    assert_eq!(current_release_of(&folder.path()).unwrap(), Some(second));
    assert_eq!(ledger.release(1).unwrap().unwrap().state, ReleaseState::Superseded);

    let back = NewRelease { restores: Some(1), ..release("one", Some(2), 0) };
    let third = ledger.add_release(back).await.unwrap();
    assert_eq!((third.restores, third.tree), (Some(1), first.tree));
    assert_eq!(ledger.release(2).unwrap().unwrap().state, ReleaseState::RolledBack);
    let numbers: Vec<u64> =
        ledger.releases(Some(3), 10).unwrap().iter().map(|release| release.release).collect();
    assert_eq!(numbers, [2, 1]);
    let unknown = NewRelease { restores: Some(9), ..release("one", Some(3), 0) };
    assert_eq!(code(ledger.add_release(unknown).await), "ledger.unknown_release");
}

#[tokio::test]
async fn as_many_others_as_are_needed_make_a_release_current() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let proposed = ledger.add_release(release("one", None, 2)).await.unwrap();
    assert_eq!(proposed.state, ReleaseState::Proposed);
    assert_eq!(code(ledger.approve_release(1, actor("ada")).await), "ledger.own_release");
    assert_eq!(code(ledger.approve_release(7, actor("bob")).await), "ledger.unknown_release");
    for _ in 0..2 {
        let once = ledger.approve_release(1, actor("bob")).await.unwrap();
        assert_eq!((once.state, once.approvals.len()), (ReleaseState::Proposed, 1));
    }
    let twice = ledger.approve_release(1, actor("eve")).await.unwrap();
    assert_eq!(twice.state, ReleaseState::Current);
    assert_eq!(code(ledger.approve_release(1, actor("bob")).await), "ledger.release_decided");
    let deeds = ledger.audit_records(&AuditFilter::default(), 10).unwrap();
    let deeds: Vec<String> =
        deeds.iter().rev().map(|it| format!("{} {} {}", it.by, it.action, it.target)).collect();
    let approved = |by: &str| format!("{by} release.approve release:1");
    let expected = [
        "ada release.deploy release:1".to_owned(),
        approved("bob"),
        approved("bob"),
        approved("eve"),
    ];
    assert_eq!(deeds, expected);
}

#[tokio::test]
async fn what_was_compared_with_another_release_is_outdated() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    for tree in ["one", "two", "three"] {
        ledger.add_release(release(tree, None, 1)).await.unwrap();
    }
    let rejected = ledger.reject_release(3, actor("ada"), "a mistake").await.unwrap();
    assert_eq!(
        (rejected.state, rejected.reason.as_deref()),
        (ReleaseState::Rejected, Some("a mistake"))
    );
    ledger.approve_release(2, actor("bob")).await.unwrap();
    let state = |release| ledger.release(release).unwrap().unwrap().state;
    assert_eq!(
        [1, 2, 3].map(state),
        [ReleaseState::Outdated, ReleaseState::Current, ReleaseState::Rejected]
    );
    assert_eq!(code(ledger.reject_release(1, actor("bob"), "").await), "ledger.release_decided");
}
