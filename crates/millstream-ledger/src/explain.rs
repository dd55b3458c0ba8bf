//! The pages of `millstream explain` for the ledger's codes.

use millstream_core::explain::Explanation;

/// One page for every code of [`LedgerError`](crate::LedgerError).
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "ledger.cannot_open",
        "The ledger's file cannot be opened",
        "The ledger is the file `ledger.db` in the environment's folder. It could not be opened or \
         created: the folder is missing, is not writable, lies on a full disk, or on a file system \
         without locks. Nothing was changed. Keep the ledger on a local disk.",
    ),
    page(
        "ledger.not_a_ledger",
        "The file is not a ledger",
        "There is a file at the ledger's place, but Millstream did not write it. It was left as it \
         is. Move it away, or choose another environment.",
    ),
    page(
        "ledger.newer_format",
        "A newer Millstream wrote the ledger",
        "A newer version of Millstream has migrated this environment. Older versions do not open \
         it, because they could misread what happened. Nothing was changed. Use the newer version.",
    ),
    page(
        "ledger.other_tables",
        "Another build made the ledger",
        "Between releases the tables of a ledger change without a migration. This one was made by \
         a build that has others, and would be misread. Nothing was changed. Use that build, or \
         begin with a new environment; sources are read again from what they still have.",
    ),
    page(
        "ledger.other_environment",
        "The ledger belongs to another environment",
        "Every publication is marked with the name of its environment. A ledger that is opened \
         under another name would not recognise its own publications and could repeat them. \
         Nothing was changed. Start the new environment with an empty folder.",
    ),
    page(
        "ledger.damaged",
        "The ledger is damaged",
        "The file's content contradicts itself, as after a failing disk or a copy of a file in \
         use. Millstream stops rather than guesses. Tables are not touched. Restore the \
         environment's folder from a backup.",
    ),
    page(
        "ledger.busy",
        "Another process keeps the ledger locked",
        "Processes share a ledger and write in turn, each for milliseconds. One has kept the lock \
         for many seconds: it is stopped, or another program has the file open. What was to be \
         written was not written and can be tried again.",
    ),
    page(
        "ledger.disk_full",
        "The ledger's disk is full",
        "The transaction was rolled back: the ledger is as it was before. Steps that were at work \
         are recovered by the next run. Free some space and run the command again.",
    ),
    page(
        "ledger.io",
        "The ledger cannot be read or written",
        "The disk, its file system or your rights to it failed. After a failed write the process \
         writes nothing more, because it can no longer tell what is on the disk. The next process \
         that opens the ledger finds its last complete transaction and recovers from there.",
    ),
    page(
        "ledger.closed",
        "The ledger is closed",
        "Something was to be written after the ledger's writer had ended. That is a fault of \
         Millstream. The ledger itself is complete; run the command again.",
    ),
    page(
        "ledger.statement",
        "The ledger refuses a statement",
        "SQLite refused a statement for a reason that is neither the disk nor a lock. That is a \
         fault of Millstream. The transaction was rolled back.",
    ),
    page(
        "ledger.protocol",
        "The recovery protocol was not kept",
        "Every attempt goes from claim over intent and publication to commit. A part of Millstream \
         left that order; the ledger refused it and is unchanged. That is a fault of Millstream.",
    ),
    page(
        "ledger.lease_lost",
        "Another process has taken the step over",
        "A process holds a lease on the assets that it writes and renews it. When it stands still \
         for longer than the lease, another process may take the step over, and the first one is \
         refused from then on. Nothing is published twice. The attempt may be tried again.",
    ),
    page(
        "ledger.fire_taken",
        "The run of this schedule has been started already",
        "Each moment at which a schedule is due starts one run. Another server was faster, or this \
         one was restarted after it had started the run. Nothing is lost and nothing runs twice.",
    ),
    page(
        "ledger.ambiguous_run",
        "Several runs match",
        "The digits that were given begin or end the ids of several runs. Give more of them; \
         `millstream runs list` shows the ids.",
    ),
    page(
        "ledger.backfill_held",
        "Another process makes the backfill",
        "A backfill is made by one process at a time. Nothing was changed. Hold it back by \
         `millstream backfill pause`, and resume it where you want it to go on.",
    ),
    page(
        "ledger.backfill_ended",
        "The backfill is not at work",
        "Only a backfill that is at work can be paused, only one that is not over can be resumed \
         or cancelled. Nothing was changed. `millstream backfill list` shows how each stands.",
    ),
    page(
        "ledger.nothing_asked",
        "A step asks nothing",
        "Only steps with `approve` in `steps/*.yml` wait for a person, and only once what is before \
         them is done. The run has no such step, or it has not come so far. Nothing was changed.",
    ),
    page(
        "ledger.answered",
        "A step was answered before",
        "The first answer to what a step asks counts, for the inputs that it was asked about. \
         `millstream runs rerun` of its run asks again. Nothing was changed.",
    ),
    page(
        "ledger.unknown_release",
        "There is no such release",
        "Releases of an environment are numbered from 1. `millstream release list --env NAME` \
         shows them.",
    ),
    page(
        "ledger.release_decided",
        "The release is not open for a decision",
        "Only a release that is proposed can be approved or rejected. This one is the current one, \
         was one, was rejected, or is outdated because another release became the current one \
         after it had been proposed.",
    ),
    page(
        "ledger.release_removed",
        "The files of the release are kept no more",
        "Of the releases that an environment has left behind, the newest ones are kept, so that it \
         can go back to them: `releases: {keep: 20}` of the environment says how many. The files of \
         this one were given up by a later deploy; what is known of it stays. Its commit, if it had \
         one, can be deployed again.",
    ),
    page(
        "ledger.leave_unapproved",
        "Leaving releases would take away that others have to agree",
        "The current release says how many approvals the one after it needs. Running by the files of \
         the folder again would need none, so it is refused. Deploy files whose millstream.yml has \
         no `approvals` for the environment; that needs those approvals once more. Then leave.",
    ),
    page(
        "ledger.release_outdated",
        "Another release has become the current one",
        "A release is compared with the current one before anybody agrees to it, and may only take \
         the place of that. Meanwhile another one has become the current one, so that what was \
         looked at is no longer what would change. Nothing was changed. Deploy again.",
    ),
    page(
        "ledger.own_release",
        "Nobody approves their own release",
        "The environment asks for approvals, and an approval is that of somebody else than whoever \
         proposed the release. Principals are told apart by their names: that of the user on the \
         command line, that of the token elsewhere.",
    ),
    page(
        "ledger.unknown_version",
        "The version does not exist",
        "An alias can only name a version that was published. The alias stays where it is. \
         `millstream model list` shows the versions there are.",
    ),
    page(
        "ledger.no_earlier_version",
        "There is nothing to roll back to",
        "The alias does not exist, or has named one version only, or was rolled back to its first \
         one. It stays where it is. Promote a version instead.",
    ),
    page(
        "ledger.unknown_message",
        "No such message",
        "There is no message with this id. Of those that have come to their end, the newest \
         20,000 are kept.",
    ),
    page(
        "ledger.message_not_dead",
        "The message was not given up",
        "Only a message that was given up is sent once more when somebody asks for it. One that \
         waits is sent by itself, and one that was sent has arrived. Nothing was changed.",
    ),
    page(
        "ledger.unknown_token",
        "No such token",
        "There is no access token with this id; it may have been revoked before.",
    ),
    page(
        "ledger.token_exists",
        "The token's id is taken",
        "A token with this id exists already. Nothing was changed.",
    ),
];

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}
