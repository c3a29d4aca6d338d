"""The launcher that locks itself up, then becomes the program it was asked to start.

Run as `python -I -S child.py '<json>'` by `videos.media.sandbox`, never imported by it. A launcher
of its own, because work between fork and exec in a threaded process (`preexec_fn`) can deadlock.
Standard library only, and nothing of this project: it starts once for every file looked at.

Each lock that the kernel lacks is left out, and the report says so; a lock that exists and cannot
be closed ends the launcher with `EXIT_FAILED`.
"""

import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterable
from typing import Any

EXIT_FAILED = 125
"""Exit status when the sandbox could not be set up; 127 when the program could not be started."""

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

# Landlock, linux/landlock.h. The three calls have one number on every architecture.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_FS_EXECUTE, _FS_READ_FILE, _FS_READ_DIR = 1 << 0, 1 << 2, 1 << 3
# How many file system rights each ABI version knows: one bit each, from bit 0.
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NET_BIND_AND_CONNECT = 0b11  # from ABI 4
_SCOPE_SOCKETS_AND_SIGNALS = 0b11  # from ABI 6

# seccomp: system call numbers as (x86_64, aarch64); None where it does not exist.
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_EXECVE = (59, 221)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_TGKILL = (234, 131)
_DENIED: dict[str, tuple[int | None, int | None]] = {
    # The network, and io_uring, which reaches it by another door.
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206),
    "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # Other processes.
    "fork": (57, None), "vfork": (58, None), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kill": (62, 129),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "kcmp": (312, 272), "process_madvise": (440, 440),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180),
    # The machine.
    "setns": (308, 268), "unshare": (272, 97), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "mount_setattr": (442, 442), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89), "sethostname": (170, 161),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "personality": (135, 92), "quotactl": (179, 60), "syslog": (103, 116), "iopl": (172, None),
    "ioperm": (173, None), "vhangup": (153, 58),
}  # fmt: skip
_CLONE_THREAD = 0x00010000
_EPERM, _ENOSYS = 1, 38

_libc = ctypes.CDLL(None, use_errno=True)


def main(text: str) -> None:
    """Close every lock, then exec the program; with no program, print what could be closed."""
    spec: dict[str, Any] = json.loads(text)
    report: dict[str, Any] = {"limits": False, "parent_death": False}
    if sys.platform == "linux":
        _die_with_parent(spec["parent"])
        report["parent_death"] = True
    _set_limits(spec["memory_bytes"], spec["cpu_seconds"])
    report["limits"] = True
    program = _Program(spec["argv"] or ["/nonexistent"], spec["environment"])
    report["landlock_abi"] = 0
    report["seccomp"] = False
    if sys.platform == "linux":
        _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        report["landlock_abi"] = _restrict_files(spec["argv"][:1], spec["readable"])
        report["seccomp"] = _filter_calls(program.path_address)
    if spec["argv"]:
        program.start()
    print(json.dumps(report))


def _die_with_parent(parent: int) -> None:
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")
    if os.getppid() != parent:  # it died before the request could take effect
        os._exit(EXIT_FAILED)


def _set_limits(memory_bytes: int, cpu_seconds: int) -> None:
    # ffmpeg catches SIGXCPU and ends in good order; a program that does not, meets the hard limit.
    wanted = {
        resource.RLIMIT_AS: (memory_bytes, memory_bytes),
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 2),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (64, 64),
    }
    for name, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(name)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(name, (soft, hard))


class _Program:
    """What to exec, laid out in memory beforehand: seccomp lets exactly this path pointer pass."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        self._path = ctypes.create_string_buffer(os.fsencode(argv[0]))
        self._argv = _string_array(os.fsencode(word) for word in argv)
        pairs = (os.fsencode(f"{name}={value}") for name, value in environment.items())
        self._environment = _string_array(pairs)
        self.path_address = ctypes.addressof(self._path)

    def start(self) -> None:
        """Become the program; return only by an error."""
        _libc.execve(ctypes.c_void_p(self.path_address), self._argv, self._environment)
        reason = os.strerror(ctypes.get_errno())
        os.write(2, f"{self._path.value!r} could not be started: {reason}\n".encode())
        os._exit(127)


def _string_array(words: Iterable[bytes]) -> Any:
    listed = list(words)
    return (ctypes.c_char_p * (len(listed) + 1))(*listed, None)


def _restrict_files(program: list[str], readable: list[str]) -> int:
    """Landlock: read `readable`, run `program`, write nothing, connect nowhere. Its ABI, 0 if none.

    Landlock is documented in the kernel's userspace-api/landlock.rst.
    """
    abi = int(_libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1))
    if abi <= 0:
        return 0
    rights = (1 << _FS_RIGHTS[min(abi, max(_FS_RIGHTS))]) - 1
    network = _NET_BIND_AND_CONNECT if abi >= 4 else 0
    scope = _SCOPE_SOCKETS_AND_SIGNALS if abi >= 6 else 0
    known = 8 if abi < 4 else 16 if abi < 6 else 24  # bytes of the structure the kernel knows
    attributes = struct.pack("=QQQ", rights, network, scope)[:known]
    rules = _libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    _check(rules, "landlock rules")
    for path in readable:
        _allow(rules, path, _FS_READ_FILE | _FS_READ_DIR)
    for path in program:
        for runnable in (path, _elf_interpreter(path)):
            _allow(rules, runnable, _FS_READ_FILE | _FS_EXECUTE)
    _check(_libc.syscall(_LANDLOCK_RESTRICT, rules, 0), "landlock")
    os.close(rules)
    return abi


def _allow(rules: int, path: str, rights: int) -> None:
    """Allow `rights` on `path` and below it; a path that does not exist needs no allowing."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= ~_FS_READ_DIR
    rule = struct.pack("=Qi", rights, beneath)
    _check(_libc.syscall(_LANDLOCK_ADD, rules, 1, rule, 0), f"landlock rule for {path}")
    os.close(beneath)


def _elf_interpreter(path: str) -> str:
    """The dynamic loader an ELF64 program names (PT_INTERP), or an empty string."""
    with contextlib.suppress(OSError, struct.error), open(path, "rb") as program:
        head = program.read(64)
        if head[:5] != b"\x7fELF\x02":
            return ""
        offset, size, count = (
            struct.unpack_from("=Q", head, 32)[0],
            *struct.unpack_from("=HH", head, 54),
        )
        program.seek(offset)
        table = program.read(size * count)
        for entry in range(count):
            kind, _, start, _, _, length = struct.unpack_from("=IIQQQQ", table, entry * size)
            if kind == 3:
                program.seek(start)
                return os.fsdecode(program.read(length).rstrip(b"\0"))
    return ""


def _filter_calls(path_address: int) -> bool:
    """seccomp: no sockets, no new processes, no exec but the one to come. False where unknown."""
    column, token = _ARCHITECTURES.get(platform.machine(), (0, 0))
    if not token:
        return False
    code = _assemble(column, token, path_address, os.getpid())
    program = ctypes.create_string_buffer(code)
    header = struct.pack("@HxxxxxxP", len(code) // 8, ctypes.addressof(program))
    closed: int = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0)
    return closed == 0


def _assemble(column: int, token: int, path_address: int, pid: int) -> bytes:
    """The filter as classic BPF (linux/filter.h), eight bytes an instruction.

    struct seccomp_data: number at 0, architecture at 4, arguments of eight bytes from 16.
    """
    allow, kill = 0x7FFF0000, 0x80000000

    def errno(value: int) -> int:
        return 0x00050000 | value

    def load(offset: int) -> bytes:
        return struct.pack("=HBBI", 0x20, 0, 0, offset)

    def jump_equal(value: int, yes: int, no: int) -> bytes:
        return struct.pack("=HBBI", 0x15, yes, no, value)

    def jump_bits(value: int, yes: int, no: int) -> bytes:
        return struct.pack("=HBBI", 0x45, yes, no, value)

    def answer(value: int) -> bytes:
        return struct.pack("=HBBI", 0x06, 0, 0, value)

    code = [load(4), jump_equal(token, 1, 0), answer(kill), load(0)]
    if column == 0:  # the x32 numbers would go round the table
        code += [jump_bits(0x40000000, 0, 1), answer(kill)]
    for numbers in _DENIED.values():
        number = numbers[column]
        if number is not None:
            code += [jump_equal(number, 0, 1), answer(errno(_EPERM))]
    # glibc falls back to clone, whose flags can be read here; those of clone3 lie in memory.
    code += [jump_equal(_CLONE3[column], 0, 1), answer(errno(_ENOSYS))]
    code += [
        jump_equal(_CLONE[column], 0, 4),
        load(16),
        jump_bits(_CLONE_THREAD, 0, 1),
        answer(allow),
        answer(errno(_EPERM)),
    ]
    # abort() sends a signal to a thread of its own process.
    code += [
        jump_equal(_TGKILL[column], 0, 4),
        load(16),
        jump_equal(pid, 0, 1),
        answer(allow),
        answer(errno(_EPERM)),
    ]
    code += [
        jump_equal(_EXECVE[column], 0, 6),
        load(16),
        jump_equal(path_address & 0xFFFFFFFF, 0, 3),
        load(20),
        jump_equal(path_address >> 32, 0, 1),
        answer(allow),
        answer(errno(_EPERM)),
        answer(allow),
    ]
    return b"".join(code)


def _check(result: int, what: str) -> None:
    if result < 0:
        reason = os.strerror(ctypes.get_errno())
        os.write(2, f"sandbox: {what}: {reason}\n".encode())
        os._exit(EXIT_FAILED)


if __name__ == "__main__":
    main(sys.argv[1])
