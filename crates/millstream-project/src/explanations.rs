//! The pages behind `millstream explain` for the codes of this crate.

use millstream_core::explain::Explanation;

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}

/// One page for every code that this crate can give.
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "project.not_found",
        "There is no project here",
        "The folder has neither a millstream.yml nor a dbt_project.yml. Nothing was read or \
         changed. Make a project with `millstream init`, or name its folder with -C.",
    ),
    page(
        "project.file_unreadable",
        "A file of the project cannot be read",
        "The file cannot be opened, is larger than 16 MiB, is no UTF-8 text, or lies too deep. \
         Nothing runs until it can be read. Check its permissions, its size and its encoding.",
    ),
    page(
        "project.offline",
        "A template asked the warehouse while the project was read",
        "This is a fault of Millstream: such a template is rendered when its step runs. Please \
         report it with the project.",
    ),
    page(
        "project.node_missing",
        "A step names a node that the project does not have",
        "This is a fault of Millstream. Nothing was run. Please report it with the project.",
    ),
    page(
        "project.path_escapes",
        "A path leads out of the project",
        "Files of a project are read from its folder alone. A link or a `..` that leads out of it \
         is refused, so that a project cannot show what does not belong to it. Copy what the \
         project needs into its folder. Input data may lie anywhere: name it in a source.",
    ),
    page(
        "project.environment_unknown",
        "The environment is not declared",
        "`--env` names an environment that millstream.yml does not have under `environments`. \
         Only `dev` is always there. Declare it, or correct the name.",
    ),
    page(
        "project.not_read",
        "A part of the project has no effect yet",
        "The project has something that this version knows of but does not use. All else works. \
         Remove it, or expect nothing of it.",
    ),
    page(
        "yaml.syntax",
        "A file is no YAML",
        "The file breaks the rules of YAML at the place given. Common causes: a tab in the \
         indentation, a value with `{{ }}` that is not in quotes, a colon inside a plain value.",
    ),
    page(
        "yaml.key_duplicate",
        "A key is there twice",
        "One map has the same key twice. Only one of the values could count, so that neither does. \
         Remove one.",
    ),
    page(
        "yaml.key_unknown",
        "A key is not known",
        "The file has a key that nothing reads, as after a slip of the pen. Unknown keys are \
         refused, since otherwise what they say would silently not happen. In dbt's own files they \
         are only warned of, as dbt does.",
    ),
    page(
        "yaml.key_missing",
        "A key is missing",
        "Something cannot be done without the key that is named. Add it.",
    ),
    page(
        "yaml.value_wrong",
        "A value cannot be what it is",
        "The value has another type than the key needs, is out of its range, or is none of the \
         words that the key knows. The message says what is wanted.",
    ),
    page(
        "yaml.template",
        "A template in a YAML value cannot be rendered",
        "Values of YAML files may use `{{ env_var('NAME', 'default') }}` and `{{ var('name') }}`. \
         This one is no valid template.",
    ),
    page(
        "name.invalid",
        "A name cannot be used",
        "Names become folders and SQL identifiers: letters, digits and `_`, at most 128, not \
         starting with a digit. Rename what the message names.",
    ),
    page(
        "name.reserved",
        "A name belongs to Millstream",
        "The schemas `quarantine`, `topic`, `millstream`, `operational` and `information_schema` \
         hold Millstream's own tables. Choose another name.",
    ),
    page(
        "name.duplicate",
        "A name is used twice",
        "Two things of the same kind have the same name, or two steps would write the same table. \
         Names that differ in upper and lower case only count as the same, since some file systems \
         cannot tell them apart. Rename one.",
    ),
    page(
        "connector.unknown",
        "There is no such connector",
        "A source names a connector that this version does not have. The hint lists those it has.",
    ),
    page(
        "trainer.unknown",
        "There is no such trainer",
        "A training names a trainer that this version does not have. The hint lists those it has.",
    ),
    page(
        "setting.invalid",
        "A setting of a connector or trainer is refused",
        "The connector or trainer was asked and says what is wrong with the setting.",
    ),
    page(
        "source.invalid",
        "A stream declares what no table can have",
        "A column has a type that does not exist, or the key is not among the columns that the \
         stream keeps.",
    ),
    page(
        "ref.unknown",
        "A reference to a model leads nowhere",
        "`ref` names a model that is not there, is not enabled, or belongs to another project. A \
         model's name is the name of its file without `.sql`.",
    ),
    page(
        "source.unknown",
        "A reference to a source leads nowhere",
        "`source` names a source or a stream that no file under sources/ declares.",
    ),
    page(
        "sql.template",
        "A template cannot be rendered",
        "The SQL of a model, a macro or a test is no valid template, calls what is not there, or \
         does not end. The place is that of the macro, if the problem is inside one.",
    ),
    page(
        "var.missing",
        "A variable is not set",
        "`var` or `env_var` names a variable that is not set and has no default. Set it, or give a \
         default as the second argument.",
    ),
    page(
        "secret.rendered",
        "A secret would become visible",
        "Variables that start with DBT_ENV_SECRET cannot be rendered, since the text is stored and \
         shown. Give secrets by reference: `{env: NAME}` or `{file: PATH}`.",
    ),
    page(
        "model.config",
        "The configuration of a model cannot be",
        "A setting of `config()`, of a property file or of dbt_project.yml has a value that is not \
         known, or needs another setting beside it.",
    ),
    page(
        "model.partitions",
        "The partitions of a model cannot be",
        "`partitions` of a model's configuration says by which column it is divided, and into what: \
         hours, days, months or years since a begin, or values that are listed. dbt's `microbatch` \
         says it with `event_time`, `batch_size` and `begin`. Only tables have partitions. Nothing \
         was run.",
    ),
    page(
        "model.empty",
        "A model has no SQL",
        "After rendering there is nothing but comments. A model is one select statement.",
    ),
    page(
        "check.invalid",
        "A test cannot be run",
        "A test lacks an argument, has a condition that cannot be read, or reads no table.",
    ),
    page(
        "training.invalid",
        "A training makes no sense",
        "The columns or the split of a training contradict each other. The message says how.",
    ),
    page(
        "gate.invalid",
        "A gate cannot be read",
        "A gate is `METRIC >= NUMBER` (or `>`, `<=`, `<`), or `not worse than champion`. \
         The metric must be one that the training can have: `accuracy` and the like for labels, \
         `rmse`, `mae` and `r2` for numbers.",
    ),
    page(
        "deployment.invalid",
        "A deployment makes no sense",
        "The model of a deployment is written as a name and an alias or version: \
         `tagger@champion`, `tagger@3`.",
    ),
    page(
        "deployment.idle",
        "A deployment serves nothing",
        "It has neither `realtime: true` nor `batch`. The project runs without it.",
    ),
    page(
        "deployment.model_unknown",
        "A deployment serves a model of elsewhere",
        "No training of this project makes the model. That is right if it is registered in another \
         way; otherwise correct the name.",
    ),
    page(
        "function.invalid",
        "A function makes no sense",
        "A function reads events of a topic as `records` and writes to a table of the operational \
         database, `operational.<name>`. The message says what is missing.",
    ),
    page(
        "step.invalid",
        "A step makes no sense",
        "A step of `steps/` runs a program with its arguments (`run`) or a line of `sh` (`shell`), \
         in the folder of the project, or waits for a person (`approve`). The message says what is \
         wrong with it.",
    ),
    page(
        "step.expression",
        "An expression over results of steps has no value",
        "`when` and `for_each` of a step are expressions of Jinja over what other steps wrote into \
         MILLSTREAM_RESULT: `step.check.result.rows > 0`. The message says what cannot be read, or \
         what is missing in a result. The step has failed, and nothing behind it runs.",
    ),
    page(
        "step.unknown_input",
        "A step reads something that is not there",
        "`inputs` and `depends_on` of a step name tables by `ref('model')` or `source('source', \
         'stream')`, other steps by `step:NAME`, and registered models by `model:NAME`.",
    ),
    page(
        "topic.unknown",
        "Nothing of this project writes to a topic",
        "A function reads a topic to which no deployment records. That is right if events come \
         from elsewhere; otherwise correct the name.",
    ),
    page(
        "notification.channel",
        "A channel of notifications makes no sense",
        "A channel has exactly one of `slack`, `webhook`, `email` and `pagerduty`. Secrets are given \
         by reference: `{env: NAME}` or `{file: PATH}`. Addresses begin with https://, and mails go \
         over TLS; only this machine is reached without.",
    ),
    page(
        "notification.rule",
        "A rule of notifications makes no sense",
        "A rule names the channels that are told (`to`), what of (`on`), of which assets (`select`, \
         `exclude`, `owners`, `groups`), when they are told again (`remind`) and when not (`quiet`). \
         The message says what of this cannot be.",
    ),
    page(
        "schedule.trigger",
        "A schedule must say what starts it",
        "A schedule has exactly one of `cron`, `every`, `calendar`, `manual`, `webhook`, `file`, \
         `asset`, `topic`, `all_of` and `any_of`. Several go into a list under `all_of` or \
         `any_of`.",
    ),
    page(
        "schedule.cron",
        "A cron expression cannot be read",
        "Cron has five fields: minute, hour, day, month and weekday; a sixth before them is the \
         second. Each is `*`, a number, a name, a range, a list, or a step such as `*/15`. `L` is \
         the last day, `15W` the workday nearest to the 15th, `fri#2` the second Friday. Where day \
         and weekday are both given, either is enough.",
    ),
    page(
        "schedule.never",
        "A schedule would never fire",
        "The days that the schedule means do not exist, as 30 February, or `except` takes all of \
         them away.",
    ),
    page(
        "schedule.zone",
        "There is no such time zone",
        "`zone` is a name of the IANA database, as Europe/Paris or UTC. The database is built in, \
         so that all machines agree.",
    ),
    page(
        "schedule.period",
        "A length of time cannot be read",
        "Lengths of time are numbers with units: `90s`, `15m`, `1h30m`, `2d`, `1w`.",
    ),
    page(
        "schedule.calendar",
        "A day, month or time of day cannot be read",
        "Days are weekdays (`mon`, `mon-fri`), days of the month (`1` to `31`), `last`, \
         `first_workday` or `last_workday`; months are `jan` to `dec`; times of day have 24 hours \
         and stand in quotes: `\"08:00\"`.",
    ),
    page(
        "schedule.day",
        "A day cannot be read",
        "Days of `except` and `holidays` are `2026-12-25`, `2026-12-24..2027-01-01`, `12-25` for \
         every year, or, in `except`, the name of a list under `holidays`. The day must exist.",
    ),
    page(
        "schedule.invalid",
        "A schedule makes no sense",
        "A value of the schedule cannot be, or contradicts another one. The message says how.",
    ),
    page(
        "schedule.test",
        "A test of schedules makes no sense",
        "`from` and `to` bound it, each item of `happens` has a moment and exactly one thing that \
         happens, and `takes` and `starts` name schedules. Moments are those of the test's zone \
         (`2027-03-28 02:30`) or have an offset (`2027-10-31T02:30+01:00`).",
    ),
    page(
        "schedule.asset_unknown",
        "A schedule waits for an asset that does not exist",
        "Assets are named as in selectors (`orders`, `shop.orders`), by reference \
         (`ref('orders')`), or by their kind (`model:tagger`) where a name alone means several.",
    ),
    page(
        "schedule.topic_unknown",
        "A schedule waits for a topic that does not exist",
        "No deployment records to the topic, and no function reads it.",
    ),
    page(
        "schedule.cycle",
        "Schedules start each other for ever",
        "Each schedule of the cycle runs what the next one waits for. Take one trigger out, or put \
         it under `all_of` beside a time, so that it goes round once for each.",
    ),
    page(
        "execution.pool_unknown",
        "A step names a pool that does not exist",
        "Pools and their slots are listed under `pools:` of millstream.yml, as `warehouse: 4`.",
    ),
    page(
        "execution.invalid",
        "How a step is executed makes no sense",
        "`execution:` of a step, or of millstream.yml for all of them, holds `pool`, `slots`, \
         `mutex`, `priority`, `timeout` and `retries`. The message says what is wrong.",
    ),
    page(
        "graph.cycle",
        "References make a cycle",
        "Each step of the cycle would have to run before the others. Take one reference out. A \
         model reads its own earlier rows with `this`; what comes back through a topic and the \
         operational database makes no cycle.",
    ),
    page(
        "select.invalid",
        "A selector cannot be read",
        "Selectors are dbt's: `orders`, `+orders`, `orders+1`, `@orders`, `tag:nightly`, \
         `path:models/staging`, `source:shop.orders`; a space adds, a comma intersects.",
    ),
    page(
        "select.nothing",
        "A selector selects nothing",
        "A part of the selection matches no step, as after a slip of the pen. Nothing was run.",
    ),
];
