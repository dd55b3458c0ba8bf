//! What is exported, by one process at a time.

use super::*;

#[tokio::test]
async fn one_process_exports_what_came_since_another_did() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    one.begin_run(cause()).await.unwrap();
    assert_eq!(one.take_traces(LEASE).await.unwrap(), None, "nobody asked for it");
    one.begin_traces().await.unwrap();
    assert!(!one.has_traces().unwrap(), "what was before is not exported");
    two.begin_run(cause()).await.unwrap();
    two.begin_traces().await.unwrap();
    assert!(two.has_traces().unwrap());
    assert_eq!(one.take_traces(LEASE).await.unwrap(), Some(1));
    assert_eq!(two.take_traces(LEASE).await.unwrap(), None, "the other has it");
    one.leave_traces(2).await.unwrap();
    assert_eq!(two.take_traces(LEASE).await.unwrap(), Some(2));
    two.leave_traces(1).await.unwrap();
    assert_eq!(one.take_traces(LEASE).await.unwrap(), Some(2), "it never goes back");
}
