//! The pages of `millstream explain` for notifications.

use millstream_core::explain::Explanation;

/// One page for every code of [`NotifyError`](crate::NotifyError).
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "notify.channel_unknown",
        "The channel of a message is declared no more",
        "A message was to go to a channel that no file of notifications/ declares. It is given up. \
         `millstream notifications list` shows it.",
    ),
    page(
        "notify.secret_missing",
        "A secret of a channel is missing",
        "Channels name their secrets by an environment variable or a file. The variable is not set \
         where Millstream runs, or the file cannot be read. The message waits and is tried again.",
    ),
    page(
        "notify.address",
        "Messages may not go to the address of a channel",
        "The address is a secret, so it is not shown here. It must begin with https://, have no name \
         and password in it, and fit into a line; only this machine is reached by http://. The \
         message waits and is tried again.",
    ),
    page(
        "notify.refused",
        "The receiver refuses a message",
        "The receiver was reached and said that it does not want the message, now or later: the \
         address or the key is wrong, the channel was removed, or a reader does not exist. The \
         message is given up. Try the channel with `millstream notifications test CHANNEL`.",
    ),
    page(
        "notify.busy",
        "The receiver cannot take a message now",
        "The receiver was reached and asks to come back later. The message waits and is tried \
         again, ever more seldom, and given up after some days.",
    ),
    page(
        "notify.unreached",
        "The receiver of a message was not reached",
        "There was no connection, its certificate was not trusted, or no answer came in time. The \
         message waits and is tried again under the same name, ever more seldom, and given up after \
         some days. No run waits for that.",
    ),
    page(
        "notify.unreadable",
        "A message cannot be read",
        "The ledger has a message that this version of Millstream does not understand. It is given \
         up. That is a fault of Millstream, unless a newer version has written it.",
    ),
];

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}
