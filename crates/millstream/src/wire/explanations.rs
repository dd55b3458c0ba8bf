//! The pages of all crates.

use millstream_core::explain::Explanation;

/// Every error code there is, in order.
pub fn explanations() -> Vec<Explanation> {
    let mut pages: Vec<Explanation> = [
        millstream_command::EXPLANATIONS,
        millstream_backup::EXPLANATIONS,
        millstream_connect::EXPLANATIONS,
        millstream_dbt::EXPLANATIONS,
        millstream_deploy::EXPLANATIONS,
        millstream_engine::EXPLANATIONS,
        millstream_guard::EXPLANATIONS,
        millstream_ledger::EXPLANATIONS,
        millstream_model::EXPLANATIONS,
        millstream_notify::EXPLANATIONS,
        millstream_project::EXPLANATIONS,
        millstream_python::EXPLANATIONS,
        millstream_run::EXPLANATIONS,
        millstream_run::api::EXPLANATIONS,
        millstream_server::EXPLANATIONS,
        millstream_stream::EXPLANATIONS,
        millstream_trace::EXPLANATIONS,
        millstream_warehouse::EXPLANATIONS,
        OWN,
    ]
    .concat();
    pages.sort_by_key(|page| page.code);
    pages.dedup_by_key(|page| page.code);
    pages
}

const OWN: &[Explanation] = &[
    Explanation {
        code: "cli.usage",
        title: "The command line is not understood",
        text: "A flag, a value or a name on the command line is unknown. Nothing was done. \
               `millstream help VERB` lists what a verb takes.",
    },
    Explanation {
        code: "python.no_lock",
        title: "The project has locked no environment",
        text: "`millstream python sync` and `clean` are about the environment that pyproject.toml \
               and uv.lock of the project describe, and one of these is missing. \
               `millstream python lock` writes the lock. Without it the interpreter is that of \
               MILLSTREAM_PYTHON, of `.venv`, or `python3`.",
    },
    Explanation {
        code: "cli.write",
        title: "The result could not be written",
        text: "stdout or the file of `--to` does not take what is written: a full disk, or no \
               right to write. What the command did apart from printing is done.",
    },
    Explanation {
        code: "cli.secret_missing",
        title: "A secret is not where its reference says",
        text: "The project names a secret by an environment variable or a file. The variable is \
               not set, or the file cannot be read. Set it and run again.",
    },
    Explanation {
        code: "cli.environment_unwritable",
        title: "The environment's folder cannot be made",
        text: "Local state lies in `.millstream/<environment>` of the project. The folder could \
               not be made or read: look at its rights and at the space on the disk.",
    },
    Explanation {
        code: "release.none",
        title: "The environment has no release",
        text: "millstream.yml says of the environment that it runs by releases only \
               (`releases: {required: true}`, or `approvals`), and nothing was deployed to it yet. \
               `millstream deploy --env NAME` makes a release of the project's files; where \
               approvals are asked for, somebody else has to approve it.",
    },
    Explanation {
        code: "release.environment",
        title: "Nothing is released there",
        text: "`dev` and the branches of environments run by the files of the project's folder, so \
               that changes can be tried in them. Other environments that millstream.yml names can \
               have releases.",
    },
    Explanation {
        code: "release.too_large",
        title: "The project's folder has too much for a release",
        text: "A release keeps all files of the project but hidden ones, the data that sources read, \
               and what dbt and Python write beside them. Move other data out of the folder, or say \
               `exclude` in `releases` of the environment.",
    },
    Explanation {
        code: "release.unconfirmed",
        title: "Nobody agreed to it",
        text: "A release is made when somebody at a terminal agrees to what it changes, or when the \
               command says `--yes`. There is no terminal here. Nothing was changed.",
    },
    Explanation {
        code: "release.unreadable",
        title: "The files of a release cannot be read",
        text: "The project of the release has a problem for this version of Millstream, or for the \
               environment variables that are set here. `millstream release show` says which.",
    },
    Explanation {
        code: "release.removed",
        title: "The files of a release are kept no more",
        text: "Of the releases that an environment has left behind, the newest ones are kept: \
               `releases: {keep: 20}` of the environment says how many. What is known of an older \
               one stays, but it cannot be read, compared or gone back to.",
    },
    Explanation {
        code: "release.required",
        title: "The environment runs by releases only",
        text: "millstream.yml of the folder has `required: true` or `approvals` for the environment, \
               so that nothing would run once its release is left. Take that out first.",
    },
    Explanation {
        code: "release.lock",
        title: "The files of releases cannot be locked or removed",
        text: "Whoever adds, copies or removes files of releases holds a lock on `.lock` in their \
               folder, below `.millstream`. See that the disk has room and the folder belongs to \
               whoever runs the command.",
    },
    Explanation {
        code: "release.dbt",
        title: "dbt's commands do not run by releases",
        text: "`millstream dbt` works on the files of the folder, and the environment runs by those \
               of its current release. Use `millstream run`, or another environment.",
    },
    Explanation {
        code: "env.name",
        title: "An environment cannot have this name",
        text: "The name is that of a folder: letters, digits, `_` and `-`, not beginning with a \
               digit or `-`. Nothing was made.",
    },
    Explanation {
        code: "env.exists",
        title: "There is an environment of this name",
        text: "A branch gets a name that neither `millstream.yml` nor another branch has. \
               `millstream env list` shows all; `millstream env drop` removes a branch.",
    },
    Explanation {
        code: "env.not_a_branch",
        title: "The environment is no branch",
        text: "`env drop` removes branches that `env create` made. What `millstream.yml` declares \
               is never removed by a command: remove its folder below `.millstream/` yourself.",
    },
    Explanation {
        code: "env.busy",
        title: "The environment is at work",
        text: "A run of a process that lives works in the environment. Nothing was changed. Wait \
               until it has ended, or cancel it: `millstream runs list`, `millstream runs cancel`.",
    },
    Explanation {
        code: "env.io",
        title: "The folder of an environment cannot be changed",
        text: "Look at the rights and at the space on the disk, and run the same command again.",
    },
    Explanation {
        code: "chaos.nothing_due",
        title: "There is nothing that could be killed",
        text: "`chaos` kills runs of a copy of the environment, and in that copy nothing is due. \
               `--empty` begins with an environment in which nothing was ever made, so that \
               everything is made anew. Nothing of the environment itself was touched.",
    },
    Explanation {
        code: "chaos.commands",
        title: "The selection runs commands",
        text: "A command may do anything outside the copy: send a mail, write to another database. \
               `chaos` would run it many times. Leave it out by `--exclude`, or say `--commands` if \
               it may run.",
    },
    Explanation {
        code: "chaos.undisturbed_failed",
        title: "A run that nobody disturbed did not end well",
        text: "`chaos` compares with runs that nobody disturbed, and one of these failed in its \
               copy. What it said is in the message. Copies have the files of the project, but not \
               what lies beside its folder: name such files by absolute paths.",
    },
    Explanation {
        code: "chaos.unhashable",
        title: "The rows of a table cannot be compared",
        text: "This is a fault of Millstream: a type of a column has no form in which values can be \
               compared. Please report it with the type.",
    },
    Explanation {
        code: "init.exists",
        title: "The folder has files of a project already",
        text: "`init` overwrites nothing. Choose another folder, or remove the files it names.",
    },
    Explanation {
        code: "init.unwritable",
        title: "A file of the new project cannot be written",
        text: "Look at the folder's rights and at the space on the disk, and run `init` again.",
    },
    Explanation {
        code: "lineage.unknown",
        title: "Nothing of this name has a lineage",
        text: "`millstream lineage` takes a table, view or column of the project: `orders`, \
               `shop.orders.status`; or `model:NAME`, `topic:NAME`, `operational:NAME`. Columns of \
               a source are known once it was synced.",
    },
    Explanation {
        code: "backup.remote_lake",
        title: "The lake of the environment lies in an object store",
        text: "`backup`, `restore` and `env create` work on environments whose lake lies in their \
               own folder. An object store keeps versions and copies of its own: turn them on for \
               the bucket.",
    },
    Explanation {
        code: "restore.not_empty",
        title: "The environment is in use",
        text: "`restore` overwrites nothing: something was run in the environment, or it has files. \
               Restore into one that does not exist yet, or say `--replace`: then what is there is \
               moved aside, and its new place is printed. Stop the server of the environment first.",
    },
    Explanation {
        code: "restore.unfinished",
        title: "A restore into this environment was cut off",
        text: "What it has put back lies beside the place of the environment, in a folder that ends \
               in `.restoring`. The same `millstream restore` goes on with it. Nothing else begins \
               the environment anew until it is done or the folder is removed.",
    },
    Explanation {
        code: "restore.io",
        title: "The environment's folder cannot be changed",
        text: "Look at the rights and at the space on the disk, and run the same command again: it \
               goes on where it was.",
    },
    Explanation {
        code: "select.state_unreadable",
        title: "The manifest of `--state` cannot be read",
        text: "`state:` compares with the manifest.json of an earlier `millstream dbt` command. \
               `--state` names its folder, relative to the project.",
    },
    Explanation {
        code: "sql.known_late",
        title: "The SQL of a model is known only when it runs",
        text: "The template of the model asks the warehouse while it is rendered, so that its \
               columns cannot be followed before. Its lineage is a guess: every column of what it \
               reads may decide every column of its own.",
    },
    Explanation {
        code: "source.no_raw",
        title: "No raw input is kept",
        text: "`source replay` rebuilds a table from the raw input of its loads. None is kept: the \
               stream was never synced, or `keep_raw` is shorter than its age. Nothing was changed.",
    },
    Explanation {
        code: "table.busy",
        title: "Another process works on the table",
        text: "The table is held by a run. Nothing was changed; try again when it has ended.",
    },
    Explanation {
        code: "table.unknown",
        title: "There is no such table",
        text: "`millstream table list` shows the tables and views of the environment.",
    },
    Explanation {
        code: "table.bad_payload",
        title: "What a step published about a table cannot be read",
        text: "This is a fault of Millstream. The last version stays in place. Please report it.",
    },
    Explanation {
        code: "model.no_alias",
        title: "The alias names no version",
        text: "`champion` is set by a gate that passes or by `model promote`. \
               `millstream model list` shows versions and aliases.",
    },
    Explanation {
        code: "model.no_version",
        title: "There is no such version",
        text: "`millstream model list` shows versions and aliases.",
    },
    Explanation {
        code: "project.lake_url",
        title: "The lake's root is no URL",
        text: "`lake` of an environment is a URL such as s3://bucket/path. Without it the lake \
               lies in the environment's folder.",
    },
    Explanation {
        code: "project.graph_astray",
        title: "The graph has a step that nothing declares",
        text: "This is a fault of Millstream. Nothing was run. Please report it with the project.",
    },
    Explanation {
        code: "check.failed",
        title: "A check refused the new version",
        text: "Rows of the staged version fail a check of severity error. The last good version \
               stays in place and what is downstream waits. `millstream runs show` has the counts; \
               the check's query finds the rows.",
    },
    Explanation {
        code: "check.warned",
        title: "A check of severity warn found something",
        text: "Rows of the new version fail the check. The version is published all the same. \
               `millstream runs show` has the counts; the check's query finds the rows.",
    },
    Explanation {
        code: "gate.refused",
        title: "A model version did not pass its gate",
        text: "The version is kept, and `champion` stays where it is. `millstream model show` has \
               the evidence; `model promote` moves the alias by hand.",
    },
    Explanation {
        code: "run.cancelled",
        title: "The run was cancelled",
        text: "What was staged is removed and the last version stays. The next run starts over.",
    },
    Explanation {
        code: "run.interrupted",
        title: "The process of an attempt ended before the attempt did",
        text: "A later process found the attempt, saw that nothing of it had been published, and \
               removed what was staged. The step ran again.",
    },
    Explanation {
        code: "project.newer_format",
        title: "The environment was written by a newer Millstream",
        text: "The file `format` of the environment's folder has a number that this version does \
               not know. Nothing was touched. Use the newer version, or another environment.",
    },
];
