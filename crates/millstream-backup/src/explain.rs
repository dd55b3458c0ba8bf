//! The pages of this room's error codes.

use millstream_core::explain::Explanation;

/// The error codes of backups.
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "backup.io",
        "A file of the backup cannot be read or written",
        "The disk is full or failed, or the rights are missing. Nothing that was complete is \
         harmed. Run the command again: it goes on where it was.",
    ),
    page(
        "backup.not_a_backup",
        "The folder holds no backups",
        "A folder of backups has the file `millstream-backup`. `millstream backup FOLDER` makes \
         one.",
    ),
    page(
        "backup.in_the_way",
        "The folder has other files",
        "Backups get a folder of their own: an empty one, or one that does not exist yet. Nothing \
         was written.",
    ),
    page(
        "backup.newer_format",
        "A newer Millstream wrote the backup",
        "This version cannot read it. Nothing was touched. Use the newer version.",
    ),
    page(
        "backup.busy",
        "Another process works on the folder of backups",
        "One process at a time adds backups to a folder or removes them. Wait until it has ended. \
         A process that was killed holds nothing any more.",
    ),
    page(
        "backup.unknown",
        "There is no such backup",
        "`millstream backup list FOLDER` shows the backups of a folder. One that is unfinished \
         cannot be restored; `millstream backup FOLDER` goes on with what it has copied.",
    ),
    page(
        "backup.nothing",
        "There is no complete backup",
        "The folder is one of backups, but none in it is complete. `millstream backup FOLDER` \
         makes one; what an unfinished one has copied is not copied again.",
    ),
    page(
        "backup.damaged",
        "The backup is not what was written",
        "A content is missing or its bytes have another hash. `millstream backup verify FOLDER` \
         lists all that is damaged. Nothing was restored from it. Another backup may be sound: \
         `millstream restore FOLDER --backup ID`. Damage that `verify` has found is mended \
         by the next `millstream backup`, as long as the environment still has the files; damage of \
         a release by deploying the same files again.",
    ),
    page(
        "backup.not_text",
        "The name of a file is not text",
        "A release keeps files under names that are UTF-8, so that they are the same on every \
         machine. Give the file another name, or exclude it from releases.",
    ),
    page(
        "backup.source_gone",
        "A file was removed while it was copied",
        "A current version of a table needs the file. A `table vacuum` that keeps too little ran \
         beside the backup. The backup is unfinished; run it again.",
    ),
    page(
        "backup.database",
        "A database cannot be copied",
        "The ledger or the operational database is locked by another process for too long, or is \
         damaged. `millstream doctor` looks at the ledger. The backup is unfinished; run it again.",
    ),
];

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}
