"""Supervision of processes, with real ones: shells, sleeps and small Python programs."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.processes import (
    Account,
    Child,
    Event,
    Gate,
    Supervisor,
    life,
    spawn,
    supervisor,
    usable_processors,
)

ROOT = Path(__file__).parents[1]


def shell(name: str, script: str, *arguments: Path | str, **settings: object) -> Child:
    argv = ["/bin/sh", "-c", script, *map(str, arguments)]
    return Child(name, argv, **settings)  # type: ignore[arg-type]


def sleeper(name: str) -> Child:
    return Child(name, ["sleep", "600"])


def stubborn(name: str, marker: Path, grace_s: float) -> Child:
    """Ignores SIGTERM from before the marker is there."""
    script = 'trap "" TERM; touch "$0"; while :; do sleep 600; done'
    return shell(name, script, marker, grace_s=grace_s, is_ready=marker.exists)


def await_end(pid: int) -> None:
    """Return when the process, anybody's child, has ended."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([watched], [], [], 30)[0], f"{pid} still runs"
    finally:
        os.close(watched)


def await_own_end(life_: life.Life) -> None:
    """The same for a child of ours, which stays to be buried."""
    assert life_.pid is not None
    os.waitid(os.P_PID, life_.pid, os.WEXITED | os.WNOWAIT)


class Recorder:
    """Listens, and may act on an event, as the name and kind."""

    def __init__(self, act: Callable[[str, Event], None] = lambda _name, _event: None) -> None:
        self.seen: list[tuple[str, str]] = []
        self.details: list[str] = []
        self.act = act

    def __call__(self, name: str, event: Event) -> None:
        self.seen.append((name, event.kind))
        self.details.append(event.detail)
        self.act(name, event)


def signal_self_on(kind: str, number: signal.Signals, times: int = 1) -> Recorder:
    recorder = Recorder()

    def act(_name: str, event: Event) -> None:
        if event.kind == kind and [k for _, k in recorder.seen].count(kind) == times:
            os.kill(os.getpid(), number)

    recorder.act = act
    return recorder


class TestStart:
    def test_it_returns_when_every_child_of_the_stage_is_ready(self, tmp_path: Path) -> None:
        first, second = tmp_path / "1", tmp_path / "2"
        script = 'touch "$0"; exec sleep 600'
        with Supervisor() as running:
            running.start(
                shell("one", script, first, is_ready=first.exists),
                shell("two", script, second, is_ready=second.exists),
            )
            assert first.exists()
            assert second.exists()

    def test_a_stage_that_was_begun_is_not_waited_for_until_somebody_does(
        self, tmp_path: Path
    ) -> None:
        late, early = tmp_path / "late", tmp_path / "early"
        script = 'until [ -e "$1" ]; do sleep 0.01; done; touch "$0"; exec sleep 600'
        with Supervisor() as running:
            running.begin(shell("late", script, late, early, is_ready=late.exists))
            assert running.pid_of("late") is not None
            running.start(shell("early", 'touch "$0"; exec sleep 600', early))
            running.await_ready("late")
            assert late.exists()

    def test_a_child_that_keeps_ending_before_it_is_ready_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(supervisor, "START_ATTEMPTS", 2)
        log = tmp_path / "log"
        child = shell("web", "echo no port; exit 3", is_ready=lambda: False, log_path=log)
        with (
            pytest.raises(Unavailable, match=r"web ended 2 times .* exit code 3; no port"),
            Supervisor() as running,
        ):
            running.start(child)

    def test_a_program_that_is_missing_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(supervisor, "START_ATTEMPTS", 1)
        child = Child("web", ["/no/such"], is_ready=lambda: False, log_path=tmp_path / "log")
        with (
            pytest.raises(Unavailable, match="/no/such: No such file"),
            Supervisor() as running,
        ):
            running.start(child)

    def test_a_log_that_cannot_be_opened_counts_as_an_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(supervisor, "START_ATTEMPTS", 1)
        child = Child("web", ["sleep", "600"], log_path=tmp_path / "missing" / "log")
        with pytest.raises(Unavailable, match="cannot be started"), Supervisor() as running:
            running.start(child)

    def test_a_signal_meanwhile_ends_the_block_without_an_error(self) -> None:
        recorder = signal_self_on("starting", signal.SIGTERM)
        came_further = False
        with Supervisor(recorder) as running:
            running.start(Child("web", ["sleep", "600"], is_ready=lambda: False))
            came_further = True
        assert not came_further
        assert recorder.seen[-1] == ("web", "stopped")

    def test_only_the_main_thread_may_supervise(self) -> None:
        errors: list[str] = []

        def start() -> None:
            try:
                Supervisor(handles_signals=False).start(sleeper("web"))
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
        assert "main thread" in errors[0]


WAITING = """
import sys, time
from pathlib import Path
from app.processes import pass_through
Path(sys.argv[1] + ".loaded").touch()
pass_through(int(sys.argv[2]))
Path(sys.argv[1] + ".through").touch()
time.sleep(600)
"""


class TestGate:
    def waiting(self, gate: Gate, marker: Path) -> Child:
        argv = [sys.executable, "-c", WAITING, str(marker), str(gate.fd)]
        through = marker.with_suffix(".through")
        return Child("web", argv, cwd=ROOT, is_ready=through.exists, kept_fds=(gate.fd,))

    def test_a_child_goes_on_when_it_is_opened(self, tmp_path: Path) -> None:
        with Gate() as gate, Supervisor() as running:
            running.begin(self.waiting(gate, tmp_path / "web"))
            running.start(
                Child("other", ["sleep", "600"], is_ready=(tmp_path / "web.loaded").exists)
            )
            assert not (tmp_path / "web.through").exists()
            gate.open()
            running.await_ready("web")

    def test_it_stays_open_for_a_child_that_is_started_again(self, tmp_path: Path) -> None:
        with Gate() as gate:
            gate.open()
            for name in ("first", "second"):
                with Supervisor() as running:
                    running.start(self.waiting(gate, tmp_path / name))

    def test_a_child_at_a_closed_gate_is_stopped_at_once(self, tmp_path: Path) -> None:
        recorder = Recorder()
        with Gate() as gate, Supervisor(recorder) as running:
            running.begin(self.waiting(gate, tmp_path / "web"))
        assert recorder.seen[-1] == ("web", "stopped")


STANDARD_SIGNALS = 2**31 - 1


class TestChild:
    def test_it_leads_a_process_group_of_its_own(self) -> None:
        with Supervisor() as running:
            running.start(sleeper("web"))
            pid = running.pid_of("web")
            assert pid is not None
            assert os.getpgid(pid) == pid

    def test_its_signals_are_those_of_a_fresh_process(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        assert spawn(shell("web", "grep SigIgn /proc/self/status", log_path=log)).wait() == 0
        ignored = int(log.read_text().split()[1], 16)
        assert ignored & STANDARD_SIGNALS == 0  # glibc keeps two above them for itself

    def test_its_output_is_appended_to_its_log(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        for word in ("one", "two"):
            spawn(shell("web", f"echo {word}; echo {word}! >&2", log_path=log)).wait()
        assert log.read_text().split() == ["one", "one!", "two", "two!"]

    def test_a_long_log_is_put_aside_on_the_next_start(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with log.open("wb") as sparse:
            sparse.truncate(11_000_000)
        spawn(shell("web", "echo new", log_path=log)).wait()
        assert log.read_text() == "new\n"
        assert (tmp_path / "log.1").stat().st_size == 11_000_000

    def test_it_has_the_environment_and_folder_it_was_given(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        environment = {"PATH": "/usr/bin:/bin", "COLOUR": "blue"}
        script = 'echo "$COLOUR $HOME"; pwd'
        spawn(shell("web", script, env=environment, cwd=tmp_path, log_path=log)).wait()
        assert log.read_text().split("\n") == ["blue ", str(tmp_path), ""]

    def test_descriptors_stay_open_in_it_only_if_named(self, tmp_path: Path) -> None:
        kept, other = (os.open(os.devnull, os.O_RDONLY) for _ in range(2))
        log = tmp_path / "log"
        script = f"test -e /proc/self/fd/{kept} && ! test -e /proc/self/fd/{other}"
        assert spawn(shell("web", script, kept_fds=(kept,), log_path=log)).wait() == 0
        os.close(kept)
        os.close(other)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
    def test_it_gives_up_root_with_all_groups(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        account = Account("nobody", 65534, 65534)
        spawn(shell("web", "id -u; id -G", account=account, log_path=log, cwd=Path("/"))).wait()
        assert log.read_text().split() == ["65534", "65534"]


class TestRestart:
    """With the clock as an argument; the processes are real."""

    @pytest.fixture
    def ending(self) -> life.Life:
        return life.Life(Child("web", ["true"]), Recorder())

    def end_at(self, ending: life.Life, now: float) -> None:
        if ending.pid is None:
            ending.step(now)
        await_own_end(ending)
        ending.step(now)

    def pause_after_two_ends(self, child: Child, up_s: float) -> float:
        steady = life.Life(child, Recorder())
        for started_at in (0.0, 100.0):
            steady.step(started_at)  # starts
            steady.step(started_at)  # is ready
            assert steady.pid is not None
            os.kill(steady.pid, signal.SIGKILL)
            await_own_end(steady)
            steady.step(started_at + up_s)
        return steady.wait_s(100.0 + up_s)

    def test_pauses_double_up_to_five_seconds(self, ending: life.Life) -> None:
        now, pauses = 0.0, []
        for _ in range(8):
            self.end_at(ending, now)
            pauses.append(round(ending.wait_s(now), 3))
            now += pauses[-1]
        assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]

    def test_it_is_not_started_before_the_pause_is_over(self, ending: life.Life) -> None:
        self.end_at(ending, 0.0)
        pids = []
        for now in (0.05, 0.11):
            ending.step(now)
            pids.append(ending.pid)
        ending.kill()
        assert pids[0] is None
        assert pids[1] is not None

    @pytest.mark.parametrize(("up_s", "pause_s"), [(9.0, 0.2), (10.0, 0.1)])
    def test_ten_seconds_up_make_the_pause_short_again(self, up_s: float, pause_s: float) -> None:
        assert self.pause_after_two_ends(sleeper("web"), up_s) == pytest.approx(pause_s)

    @pytest.mark.parametrize(("up_s", "pause_s"), [(0.9, 0.2), (1.0, 0.1)])
    def test_one_second_does_where_readiness_is_known(self, up_s: float, pause_s: float) -> None:
        child = Child("db", ["sleep", "600"], is_ready=lambda: True)
        assert self.pause_after_two_ends(child, up_s) == pytest.approx(pause_s)

    def test_progress_is_told_while_it_is_not_ready(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        recorder = Recorder()
        child = shell("db", "echo redo; exec sleep 600", is_ready=lambda: False, log_path=log)
        waiting = life.Life(child, recorder)
        for now in (0.0, 4.9, 5.1, 9.0, 10.2):
            waiting.step(now)
        waiting.kill()
        assert [kind for _, kind in recorder.seen] == ["starting", "waiting", "waiting"]
        assert recorder.details[1].startswith("for 5 s")

    def test_a_killed_child_comes_back(self) -> None:
        recorder = signal_self_on("ready", signal.SIGTERM, times=2)
        with Supervisor(recorder) as running:
            running.start(sleeper("web"))
            first = running.pid_of("web")
            assert first is not None
            os.kill(first, signal.SIGKILL)
            running.run_until_signal()
            assert running.pid_of("web") not in (None, first)
        assert "by SIGKILL" in recorder.details

    def test_what_a_killed_child_leaves_in_its_group_is_ended(self, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"
        script = 'sleep 600 & echo $! >"$0.new"; mv "$0.new" "$0"; wait'
        recorder = signal_self_on("ended", signal.SIGTERM)
        with Supervisor(recorder) as running:
            running.start(shell("web", script, pid_file, is_ready=pid_file.exists))
            leader = running.pid_of("web")
            assert leader is not None
            os.kill(leader, signal.SIGKILL)
            running.run_until_signal()
            await_end(int(pid_file.read_text()))

    def test_what_outlives_its_killed_child_is_ended_by_the_stop(self, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        script = 'sleep 600 & echo $! >>"$0"; wait'
        recorder = signal_self_on("ready", signal.SIGTERM, times=2)
        child = shell("web", script, pids, is_ready=pids.exists, is_outlived=True)
        with Supervisor(recorder) as running:
            running.start(child)
            leader = running.pid_of("web")
            assert leader is not None
            os.kill(leader, signal.SIGKILL)
            running.run_until_signal()
            first = int(pids.read_text().split()[0])
            os.kill(first, 0)
        for pid in pids.read_text().split():
            await_end(int(pid))


class TestStop:
    def test_the_last_stage_stops_first(self) -> None:
        recorder = Recorder()
        with Supervisor(recorder) as running:
            running.start(sleeper("database"), sleeper("cache"))
            running.start(sleeper("workers"))
            running.start(sleeper("web"))
        stopped = [name for name, kind in recorder.seen if kind == "stopped"]
        assert stopped[:2] == ["web", "workers"]
        assert set(stopped[2:]) == {"database", "cache"}

    def test_a_child_gets_its_own_stop_signal(self) -> None:
        recorder = Recorder()
        with Supervisor(recorder) as running:
            running.start(Child("db", ["sleep", "600"], stop_signal=signal.SIGINT))
        assert recorder.details[-1] == "by SIGINT"

    def test_who_ignores_the_signal_is_killed_after_its_grace(self, tmp_path: Path) -> None:
        recorder = Recorder()
        with Supervisor(recorder) as running:
            running.start(stubborn("web", tmp_path / "ready", grace_s=0.05))
            pid = running.pid_of("web")
        assert ("web", "killed") in recorder.seen
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_no_zombie_is_left(self) -> None:
        with Supervisor() as running:
            running.start(sleeper("a"), sleeper("b"))
            pids = [running.pid_of("a"), running.pid_of("b")]
        for pid in pids:
            assert pid is not None
            with pytest.raises(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def test_an_error_in_the_block_stops_all_and_passes(self) -> None:
        recorder = Recorder()

        def fail() -> None:
            with Supervisor(recorder) as running:
                running.start(sleeper("web"))
                raise ValueError("ours")

        with pytest.raises(ValueError, match="ours"):
            fail()
        assert recorder.seen[-1] == ("web", "stopped")

    def test_an_interrupt_while_stopping_leaves_no_orphan(self, tmp_path: Path) -> None:
        def interrupt(_name: str, event: Event) -> None:
            if event.kind == "stopping":
                raise KeyboardInterrupt

        running = Supervisor(interrupt, handles_signals=False)
        running.start(stubborn("web", tmp_path / "ready", grace_s=600))
        pid = running.pid_of("web")
        assert pid is not None
        with pytest.raises(KeyboardInterrupt):
            running.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_a_listener_without_a_terminal_stops_nothing(self) -> None:
        def broken(_name: str, _event: Event) -> None:
            raise BrokenPipeError

        with Supervisor(broken) as running:
            running.start(sleeper("web"))
            assert running.pid_of("web") is not None


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_each_of_them_ends_the_run(self, number: signal.Signals) -> None:
        recorder = signal_self_on("ready", number)
        with Supervisor(recorder) as running:
            running.start(sleeper("web"))
            running.run_until_signal()
        assert recorder.seen[-1] == ("web", "stopped")

    def test_handlers_are_given_back(self) -> None:
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        before = [signal.getsignal(number) for number in numbers]
        with Supervisor():
            assert [signal.getsignal(number) for number in numbers] != before
        assert [signal.getsignal(number) for number in numbers] == before

    def test_a_second_one_ends_the_grace(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(supervisor, "DOUBLE_DELIVERY_S", 0.0)
        recorder = signal_self_on("stopping", signal.SIGINT)
        with Supervisor(recorder) as running:
            running.start(stubborn("web", tmp_path / "ready", grace_s=600))
            os.kill(os.getpid(), signal.SIGINT)
            running.run_until_signal()
        assert recorder.seen[-2:] == [("web", "killed"), ("web", "stopped")]

    def test_the_same_one_delivered_twice_at_once_does_not(self, tmp_path: Path) -> None:
        slow = 'trap "exec sleep 0.2" TERM; touch "$0"; while :; do sleep 0.02; done'
        ready = tmp_path / "ready"
        recorder = signal_self_on("stopping", signal.SIGINT)
        with Supervisor(recorder) as running:
            running.start(shell("web", slow, ready, is_ready=ready.exists))
            os.kill(os.getpid(), signal.SIGINT)
            running.run_until_signal()
        assert recorder.details[-1] == "with exit code 0"


SUPERVISE_FOREVER = """
import pathlib, sys
from app.processes import Account, Child, Supervisor
ready, uid = pathlib.Path(sys.argv[1]), int(sys.argv[2])
account = Account("other", uid, uid) if uid else None
children = [Child(n, ["sleep", "600"], account=account, cwd=pathlib.Path("/")) for n in "ab"]
with Supervisor() as running:
    running.start(*children)
    print(*(running.pid_of(n) for n in "ab"), flush=True)
    running.run_until_signal()
"""
ACCOUNTS = (0, 65534) if os.geteuid() == 0 else (0,)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only a clean stop is promised")
@pytest.mark.parametrize("uid", ACCOUNTS)
def test_killing_the_supervisor_takes_the_children_along(tmp_path: Path, uid: int) -> None:
    argv = [sys.executable, "-c", SUPERVISE_FOREVER, str(tmp_path / "ready"), str(uid)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pids = [int(pid) for pid in running.stdout.readline().split()]
        running.kill()
    assert len(pids) == 2
    for pid in pids:
        await_end(pid)


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("no such", None)],
)
def test_a_container_has_the_processors_that_it_may_use(
    tmp_path: Path, quota: str, expected: int | None
) -> None:
    all_of_them = usable_processors(tmp_path / "absent")
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert usable_processors(tmp_path / "cpu.max") == (expected or all_of_them)
    assert all_of_them == len(os.sched_getaffinity(0))


KEEP = """
import os, sys
from app.processes import keep_to_one_processor
keep_to_one_processor(int(sys.argv[1]), int(sys.argv[2]))
print(*sorted(os.sched_getaffinity(0)))
"""


def kept_to(number: int, processes: int) -> list[int]:
    command = [sys.executable, "-c", KEEP, str(number), str(processes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [int(processor) for processor in done.stdout.split()]


def test_each_of_as_many_processes_as_processors_keeps_to_its_own() -> None:
    here = sorted(os.sched_getaffinity(0))
    for number, processor in enumerate(here):
        assert kept_to(number, len(here)) == [processor]


def test_more_processes_or_fewer_than_processors_are_left_to_the_kernel() -> None:
    here = sorted(os.sched_getaffinity(0))
    assert kept_to(0, len(here) + 1) == here
    assert kept_to(0, len(here) - 1) == here
