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

#[tokio::test]
async fn an_environment_leaves_its_release_unless_that_would_spare_approvals() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger.add_release(release("one", None, 0)).await.unwrap();
    assert_eq!(code(ledger.leave_release(7, actor("ada"), None).await), "ledger.release_outdated");
    let proposed = NewRelease { approvals_needed: 1, ..release("two", Some(1), 0) };
    ledger.add_release(proposed).await.unwrap();
    let left = ledger.leave_release(1, actor("ada"), Some("back to git".into())).await.unwrap();
    assert_eq!((left.state, left.reason.as_deref()), (ReleaseState::Left, Some("back to git")));
    assert_eq!(ledger.current_release().unwrap(), None);
    assert_eq!(ledger.release(2).unwrap().unwrap().state, ReleaseState::Outdated);
    let deeds = ledger.audit_records(&AuditFilter::default(), 1).unwrap();
    assert_eq!(deeds[0].action.to_string(), "release.leave");

    // It is gone back to, or deployed to, as if there never had been one.
    let back = NewRelease { restores: Some(1), ..release("one", None, 0) };
    ledger.add_release(back).await.unwrap();
    ledger.add_release(release("asking", Some(3), 1)).await.unwrap();
    ledger.approve_release(4, actor("bob")).await.unwrap();
    assert_eq!(code(ledger.leave_release(4, actor("ada"), None).await), "ledger.leave_unapproved");
}

#[tokio::test]
async fn files_of_old_releases_are_given_up_but_not_those_of_runs_that_are_going() {
    let folder = Folder { clock: stopped_clock(), ..Folder::new() };
    let ledger = folder.open().await;
    let day = Duration::from_hours(24);
    for number in 0..5_u64 {
        let base = (number > 0).then_some(number);
        ledger.add_release(release(&format!("tree {number}"), base, 0)).await.unwrap();
    }
    let numbers = |retired: &Retired| retired.releases.clone();
    let retired = ledger.retire_releases(2, actor("ada")).await.unwrap();
    assert_eq!((numbers(&retired), retired.needed.len()), (vec![], 5), "all were current today");

    advance(&folder.clock, day / 2);
    let run = ledger.begin_run(cause()).await.unwrap();
    advance(&folder.clock, day * 2);
    let retired = ledger.retire_releases(2, actor("ada")).await.unwrap();
    assert_eq!(numbers(&retired), [0_u64; 0], "a run that began soon after is going");
    ledger.end_run(run, RunState::Succeeded).await.unwrap();
    let retired = ledger.retire_releases(2, actor("ada")).await.unwrap();
    assert_eq!(numbers(&retired), [2, 1], "3 and 4 can be gone back to");
    let tree = |number: u64| ContentHash::of(format!("tree {number}").as_bytes());
    assert_eq!(retired.needed, [tree(2), tree(3), tree(4)].into());
    let again = ledger.retire_releases(2, actor("ada")).await.unwrap();
    assert_eq!((numbers(&again), again.needed), (vec![], retired.needed), "once");

    let back = NewRelease { restores: Some(1), ..release("tree 0", Some(5), 0) };
    assert_eq!(code(ledger.add_release(back).await), "ledger.release_removed");
    let removed = ledger.release(1).unwrap().unwrap();
    assert!(removed.removed_at.is_some());
    let deeds = ledger.audit_records(&AuditFilter::default(), 1).unwrap();
    assert_eq!(deeds[0].detail.as_deref(), Some("files of 2, 1"));
}
