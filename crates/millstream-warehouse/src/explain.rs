//! The pages behind `millstream explain` for remote warehouses.

use millstream_core::explain::Explanation;

/// One page for every code that this crate can produce.
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "warehouse.bad_setting",
        "A setting of the warehouse cannot be used",
        "An output of profiles.yml has a field that is missing or has a value of the wrong kind. \
         The message names the field. Nothing was run.",
    ),
    page(
        "warehouse.unreachable",
        "The warehouse does not answer",
        "No connection could be made within `connect_timeout`, as often as `retries` allows. \
         Look at `host` and `port`, and whether the server runs and may be reached from here.",
    ),
    page(
        "warehouse.refused",
        "The warehouse refuses the connection",
        "The server answered, and said no: the user, the password or the database are not \
         known to it, its pg_hba.conf does not allow the address, or it offers no way to prove \
         the password that Millstream knows (trust, clear text, MD5, SCRAM-SHA-256).",
    ),
    page(
        "warehouse.tls",
        "The connection cannot be encrypted as `sslmode` asks",
        "The server offers no TLS, or its certificate is not trusted. `sslmode: verify-full` \
         needs a certificate for the host that an authority in `sslrootcert` has signed.",
    ),
    page(
        "warehouse.connection_lost",
        "The connection to the warehouse broke",
        "The server or the network ended the connection. What ran in an open transaction was \
         rolled back by the server. Trying again opens a new connection.",
    ),
    page(
        "warehouse.database_error",
        "The warehouse refuses a statement",
        "The text is the server's own, with the line of SQL that it points at. \
         The transaction that the statement was part of is over.",
    ),
    page(
        "warehouse.answer_too_large",
        "A query gave more rows than fit into memory",
        "Answers are read whole, because macros use them as tables. The query was stopped. \
         Add a `limit`, or let the warehouse do more of the work.",
    ),
    page(
        "warehouse.bad_answer",
        "The warehouse answers what cannot be understood",
        "What came back is not PostgreSQL's protocol. Look whether `host` and `port` belong to \
         a PostgreSQL server.",
    ),
];

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}
