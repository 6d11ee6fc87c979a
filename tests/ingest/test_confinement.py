"""A worker that a hostile camera has taken over can't run a program, look into other processes, or write outside its folders."""

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest

from vms.confinement.system_calls import PROGRAMS, REFUSED
from vms.confinement.writing import landlock_version

HOUSE = Path(__file__).parents[2]
ATTEMPTS = """
import ctypes, errno, fcntl, json, mmap, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path

from config import Settings
from ingest.confinement import confine_worker

folder, more = Path(sys.argv[1]), json.loads(sys.argv[2])
settings = Settings(data_dir=folder / "data", **more)
for one in (settings.data_dir, settings.footage, settings.keys, settings.run):
    one.mkdir(parents=True, exist_ok=True)
(folder / "else.txt").write_text("not ours")
# It ends with its input, that is with this process.
victim = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
abstract = socket.socket(socket.AF_UNIX)
abstract.bind(f"\\0vms-test-{os.getpid()}")
abstract.listen(1)
confine_worker(settings)
kernel = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    if getattr(kernel, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

def signalled_by_a_socket():
    with socket.socket() as one:
        fcntl.fcntl(one, fcntl.F_SETOWN, victim.pid)

def in_a_thread(act):
    raised = []
    def run():
        try:
            act()
        except OSError as error:
            raised.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in raised:
        raise error

def run_program():
    os.execv("/bin/true", ["/bin/true"])

attempts = {
    "program": run_program,
    "program, by a thread": lambda: in_a_thread(lambda: call("execv", b"/bin/true", (ctypes.c_char_p * 2)(b"x", None))),
    "debugger": lambda: call("ptrace", 16, os.getppid(), 0, 0),
    "memory of others": lambda: call("process_vm_readv", os.getppid(), None, 0, None, 0, 0),
    "mount": lambda: call("mount", b"none", b"/mnt", b"tmpfs", 0, None),
    "namespace": lambda: call("unshare", 0x10000000),
    "kernel's cipher": lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
    "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM),
    "raw packets": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "signal": lambda: os.kill(victim.pid, signal.SIGCONT),
    "signal to all": lambda: os.kill(-1, 0),
    "signal to a thread": lambda: call("syscall", 234, victim.pid, victim.pid, 0),
    "signal by a descriptor": lambda: signal.pidfd_send_signal(os.pidfd_open(victim.pid), 0),
    "signal by a socket": signalled_by_a_socket,
    "limit of others": lambda: resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, (3, 3)),
    "turn of others": lambda: os.setpriority(os.PRIO_PROCESS, victim.pid, 19),
    "processor of others": lambda: os.sched_setaffinity(victim.pid, {0}),
    "own signal": lambda: os.kill(os.getpid(), 0),
    "own signal to a thread": lambda: signal.pthread_kill(threading.get_ident(), 0),
    "own limit": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "abstract socket of others": lambda: socket.socket(socket.AF_UNIX).connect(abstract.getsockname()),
    "code that was written": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "file elsewhere": lambda: (folder / "new.txt").write_text("x"),
    "file elsewhere, by a thread": lambda: in_a_thread(lambda: (folder / "new.txt").write_text("x")),
    "file elsewhere, changed": lambda: (folder / "else.txt").open("r+").close(),
    "file elsewhere, removed": lambda: (folder / "else.txt").unlink(),
    "own file": lambda: (settings.footage / "part").write_bytes(b"x"),
    "own file, removed": lambda: (settings.footage / "part").unlink(),
    "camera": lambda: socket.socket().close(),
    "channel": lambda: socket.socket(socket.AF_UNIX).bind(str(settings.run / "s")),
    "name": lambda: socket.getaddrinfo("localhost", 80),
    "thread": lambda: in_a_thread(lambda: None),
    "library": lambda: __import__("av"),
}
if not settings.keys_socket and settings.root_store == "tpm":
    attempts["program"] = lambda: subprocess.run(["/bin/true"], check=True)
    del attempts["program, by a thread"]
found = {}
for name, attempt in attempts.items():
    try:
        attempt()
        found[name] = None
    except OSError as error:
        found[name] = errno.errorcode[error.errno]
print(json.dumps(found))
"""


def attempted(folder: Path, **settings: str) -> dict[str, str | None]:
    """Try it all in a process that was confined; return what was answered (None: done)."""
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, str(folder), json.dumps(settings)],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """What a confined worker may and may not."""
    return attempted(tmp_path_factory.mktemp("confined"))


@pytest.mark.parametrize(
    ("attempt", "answer"),
    [
        ("program", "EPERM"),
        ("program, by a thread", "EPERM"),
        ("debugger", "EPERM"),
        ("memory of others", "EPERM"),
        ("mount", "EPERM"),
        ("namespace", "EPERM"),
        ("kernel's cipher", "EAFNOSUPPORT"),
        ("packets", "EAFNOSUPPORT"),
        ("code that was written", "EPERM"),
        ("raw packets", "EPERM"),
        ("signal", "EPERM"),
        ("signal to all", "EPERM"),
        ("signal to a thread", "EPERM"),
        ("signal by a descriptor", "EPERM"),
        ("signal by a socket", "EPERM"),
        ("limit of others", "EPERM"),
        ("turn of others", "EPERM"),
        ("processor of others", "EPERM"),
    ],
)
def test_what_no_worker_needs_is_refused(found: dict[str, str | None], attempt: str, answer: str) -> None:
    """All of these went through before, as the account of the worker or as root."""
    assert found[attempt] == answer


def test_nothing_is_written_outside_its_folders(found: dict[str, str | None]) -> None:
    """A thread is bound as its process is. A kernel without Landlock (before 5.13) can't refuse it: then it must not look as if it did."""
    elsewhere = {name: answer for name, answer in found.items() if name.startswith("file elsewhere")}
    assert len(elsewhere) == 4
    assert set(elsewhere.values()) == ({"EACCES"} if landlock_version() else {None})


def test_sockets_that_have_no_file_are_not_reached(found: dict[str, str | None]) -> None:
    """No file's mode guards them. A kernel before 6.12 can't refuse it."""
    assert found["abstract socket of others"] == ("EPERM" if landlock_version() >= 6 else None)


NEEDS = ["own file", "own file, removed", "camera", "channel", "name", "thread", "library"]


@pytest.mark.parametrize("need", [*NEEDS, "own signal", "own signal to a thread", "own limit"])
def test_what_a_worker_needs_goes_on(found: dict[str, str | None], need: str) -> None:
    """Recording, cameras by address or name, the channel, threads, and libraries that are loaded late."""
    assert found[need] is None


def test_a_worker_that_opens_a_tpm_itself_may_run_its_tools_and_nothing_else(tmp_path: Path) -> None:
    """Without a key service the keyring runs tpm2-tools in the worker; with one it does not."""
    own = attempted(tmp_path, root_store="tpm")
    assert (own["program"], own["debugger"], own["packets"]) == (None, "EPERM", "EAFNOSUPPORT")
    served = attempted(tmp_path, root_store="tpm", keys_socket=str(tmp_path / "data" / "keys.sock"))
    assert served["program"] == "EPERM"


def test_each_name_is_a_system_call() -> None:
    """A misspelt one would be left out in silence. The library knows those of all architectures."""
    library = ctypes.CDLL("libseccomp.so.2")
    assert [name for name in (*PROGRAMS, *REFUSED) if library.seccomp_syscall_resolve_name(name.encode()) == -1] == []
