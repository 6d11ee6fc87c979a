"""Find every place where a module can write a file, by its syntax tree."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_DOTTED = {
    "shutil.copy": "copy", "shutil.copy2": "copy", "shutil.copyfile": "copy", "shutil.copyfileobj": "copy",
    "shutil.copytree": "copy", "shutil.move": "copy", "shutil.make_archive": "copy", "shutil.unpack_archive": "copy",
    "os.link": "link", "os.symlink": "link", "os.mkfifo": "link", "os.mknod": "link", "os.memfd_create": "memory file",
    "os.sendfile": "copy", "os.copy_file_range": "copy", "os.splice": "copy", "os.truncate": "open",
    "os.system": "program", "os.popen": "program", "mmap.mmap": "memory file", "sqlite3.connect": "database",
    "multiprocessing.shared_memory.SharedMemory": "memory file", "shelve.open": "database", "dbm.open": "database",
    "cv2.imwrite": "picture", "cv2.imwritemulti": "picture", "cv2.VideoWriter": "picture", "cv2.FileStorage": "picture",
    "numpy.save": "array", "numpy.savez": "array", "numpy.savez_compressed": "array", "numpy.savetxt": "array",
    "numpy.memmap": "array", "logging.FileHandler": "log", "logging.handlers.RotatingFileHandler": "log",
    "logging.handlers.TimedRotatingFileHandler": "log", "logging.handlers.WatchedFileHandler": "log",
    "asyncio.create_subprocess_exec": "program", "asyncio.create_subprocess_shell": "program",
    "asyncio.subprocess.create_subprocess_exec": "program", "asyncio.subprocess.create_subprocess_shell": "program",
    "subprocess.run": "program", "subprocess.Popen": "program", "subprocess.call": "program",
    "subprocess.check_call": "program", "subprocess.check_output": "program", "vms.footage.durable.replace_file": "durable",
    "vms.footage.durable.write_all": "durable", "vms.footage.durable.shred_file": "durable",
    "vms.footage.store.PartWriter": "cipher",
}  # fmt: skip
_METHODS = {
    "write_bytes": "path", "write_text": "path", "touch": "path", "symlink_to": "link", "hardlink_to": "link",
    "link_to": "link", "tofile": "array", "imwrite": "picture", "savefig": "picture", "write_note": "durable",
    "extractall": "copy",
}  # fmt: skip
_OPENERS = {"open", "io.open", "os.fdopen", "gzip.open", "bz2.open", "lzma.open", "codecs.open", "tarfile.open", "av.open",
            "zipfile.ZipFile", "zipfile.PyZipFile", "tarfile.TarFile", "gzip.GzipFile", "io.FileIO"}  # fmt: skip
_MODE = re.compile(r"[rwaxbtU+]{1,4}(:\w+)?|[rwax][|:]\w*")
_READING_FLAGS = {"os.O_RDONLY", "os.O_DIRECTORY", "os.O_CLOEXEC", "os.O_NOFOLLOW", "os.O_PATH", "os.O_NONBLOCK"}


@dataclass(frozen=True, order=True)
class Write:
    """A place that can write a file."""

    line: int
    form: str


def imports_of(tree: ast.AST) -> set[str]:
    """Return every module, and every name of a module, that is imported."""
    return set(_aliases(tree).values())


def writes_in(tree: ast.AST) -> list[Write]:
    """Return every place that can write a file; what can't be decided from the text counts as writing."""
    names = _aliases(tree)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = set()
    for node in (one for one in ast.walk(tree) if isinstance(one, ast.expr)):
        form = _form_of_call(node, names) if isinstance(node, ast.Call) else None
        # A reference is as good as a call: somebody calls it later. Openers are judged by their mode when they are called.
        if form is None and isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            form = _form_of_name(node, names, is_called=id(node) in called)
        if form is not None:
            found.add(Write(node.lineno, form))
    return sorted(found)


def _aliases(tree: ast.AST) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
                names.setdefault(f" {alias.name}", alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Return what an expression names, e.g. `numpy.save` for `np.save`; the last part alone when its root is no import."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        if not parts:
            return names.get(node.id, node.id)
        if node.id in names:
            return ".".join([names[node.id], *parts])
    return ".".join(["?", *parts])


def _form_of_name(node: ast.Attribute | ast.Name, names: dict[str, str], *, is_called: bool) -> str | None:
    dotted = _dotted(node, names)
    if dotted.startswith("tempfile.") and dotted != "tempfile.gettempdir":
        return "temporary"
    if dotted in _DOTTED:
        return _DOTTED[dotted]
    if not is_called and (dotted in _OPENERS or dotted == "os.open"):
        return "open"
    return _METHODS.get(dotted.rpartition(".")[2]) if isinstance(node, ast.Attribute) else None


def _form_of_call(node: ast.Call, names: dict[str, str]) -> str | None:
    dotted = _dotted(node.func, names)
    if dotted == "os.open":
        return None if _only_reads(node, names) else "open"
    if dotted == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        return _METHODS.get(str(node.args[1].value))
    if dotted in _OPENERS:
        return _form_of_mode(node, position=1, name=dotted)
    if dotted.endswith(".open"):
        return _form_of_method_open(node)
    if dotted.endswith(".save") and dotted.split(".")[0] == "?":
        return "array"
    return None


def _form_of_mode(node: ast.Call, *, position: int, name: str) -> str | None:
    mode = next((word.value for word in node.keywords if word.arg == "mode"), None)
    if mode is None and any(word.arg is None for word in node.keywords):
        return "open"
    if mode is None and len(node.args) > position:
        mode = node.args[position]
    if mode is None:
        return None
    is_reading = isinstance(mode, ast.Constant) and isinstance(mode.value, str) and not set(mode.value) & set("wax+")
    return None if is_reading else "archive" if name.startswith(("zipfile.", "tarfile.")) else "open"


def _form_of_method_open(node: ast.Call) -> str | None:
    """Judge `something.open(...)`: of a path, an archive, or nothing to do with files."""
    words = [*node.args[:2], *(word.value for word in node.keywords if word.arg == "mode")]
    modes = [one.value for one in words if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    unknown = [word for word in node.keywords if word.arg == "mode" and not isinstance(word.value, ast.Constant)]
    writes = any(_MODE.fullmatch(mode) and set(mode) & set("wax+") for mode in modes)
    return "open" if writes or unknown else None


def _only_reads(node: ast.Call, names: dict[str, str]) -> bool:
    flags = node.args[1] if len(node.args) > 1 else None
    return flags is not None and set(_flags(flags, names)) <= _READING_FLAGS


def _flags(node: ast.expr, names: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _flags(node.left, names)
        yield from _flags(node.right, names)
    else:
        yield _dotted(node, names)
