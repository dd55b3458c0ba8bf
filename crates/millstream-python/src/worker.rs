//! The side of the pool that is written in Python, and how an interpreter gets it.

/// A module that the package `millstream` has too, so that tests without a server do the same.
macro_rules! shared {
    ($name:literal) => {
        include_str!(concat!("../../../packaging/python/millstream/", $name))
    };
}

/// Modules in the order in which they import each other.
const MODULES: [(&str, &str); 10] = [
    ("_millstream_wire", include_str!("worker/wire.py")),
    ("_millstream_rows", shared!("_rows.py")),
    ("_millstream_relation", include_str!("worker/relation.py")),
    ("_millstream_result", include_str!("worker/result.py")),
    ("_millstream_calls", shared!("_calls.py")),
    ("_millstream_limits", include_str!("worker/limits.py")),
    ("_millstream_function", include_str!("worker/function.py")),
    ("_millstream_step", include_str!("worker/step.py")),
    ("_millstream_task", include_str!("worker/task.py")),
    ("_millstream_zygote", include_str!("worker/zygote.py")),
];

/// The oldest Python that models run in. The program below says it as well.
pub(crate) const PYTHON_MIN: &str = "3.9";

/// The argument by which the program below imports pyarrow.
pub(crate) const ARROW: &str = "arrow";

/// What the interpreter is started with: it reads the modules from its standard input, which is a
/// socket. Only those are run at once that need no library.
pub(crate) const BOOTSTRAP: &str = r#"
import json, os, struct, sys
def take(size):
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            sys.exit()
        data += more
    return data
sources = json.loads(take(struct.unpack(">I", take(4))[0]).decode())
if sys.version_info < (3, 9):
    told = json.dumps({"op": "unready", "reason": "version", "message": sys.version.split()[0]})
    os.write(0, struct.pack(">II", len(told), 0) + told.encode())
    sys.exit()
from importlib import abc, machinery, util
class Finder(abc.MetaPathFinder, abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return machinery.ModuleSpec(name, self) if name in sources else None
    def exec_module(self, module):
        exec(compile(sources[module.__name__], module.__name__, "exec"), module.__dict__)
sys.meta_path.insert(0, Finder())
import _millstream_zygote
_millstream_zygote.serve()
"#;

/// What the program above reads.
pub(crate) fn sources() -> Vec<u8> {
    let modules: serde_json::Map<String, serde_json::Value> =
        MODULES.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
    let text = serde_json::Value::Object(modules).to_string().into_bytes();
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length, text.as_slice()].concat()
}
