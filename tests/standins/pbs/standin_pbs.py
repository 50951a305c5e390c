"""Stand-in for OpenPBS's qsub, qstat, qdel and qsig: text as theirs, real processes behind it.

standin_pbs.py FOLDER COMMAND ARGUMENTS...

Each job has a keeper: a process that waits for a free slot, starts the script in a session of its own, and writes down
what becomes of it in `jobs/NUMBER.json`. SIGTERM tells a keeper that its job is deleted, SIGINT that all is to end.
In `config.json`, slots, kill_delay_s and has_history set how the cluster behaves; a file `down` makes it silent.
"""

import fcntl
import os
import pwd
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import quick_json as json  # noqa: E402
from lsf.standin_lsf.processes import send, signal_session, start_ticks  # noqa: E402

DEFAULTS = {"slots": 4, "kill_delay_s": 0.5, "has_history": True, "walltime_unit_s": 1.0}
SERVER = "standin"
LOOK_S = 0.02
KILLED_FOR_WALLTIME = -29
DELETED, FINISHED, FAILED = 91, 92, 93
OUTPUT = os.O_WRONLY | os.O_CREAT | os.O_APPEND
TOLD = (signal.SIGTERM, signal.SIGINT)
FLAGS = ("-x", "-f", "-V")
UNKNOWN_ID, HAS_FINISHED, NO_SERVER = 153, 35, 2


class Cluster:
    """The folder of one cluster."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(self.path("jobs"), exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def config(self):
        return {**DEFAULTS, **(read_json(self.path("config.json")) or {})}

    def job(self, number):
        """Return a job's record, None if there is no such job."""
        return read_json(self.path("jobs", f"{number}.json"))

    def numbers(self):
        names = (name.partition(".") for name in os.listdir(self.path("jobs")))
        return sorted(int(number) for number, _, rest in names if rest == "json")

    def save(self, job, **changes):
        job.update(changes)
        path = self.path("jobs", f"{job['number']}.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(job, file)
        os.replace(path + ".new", path)

    def next_number(self, command, argv):
        """Note a call in the log; return its number, which for qsub becomes the job's."""
        with open(self.path("calls.log"), "a+", encoding="utf-8") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            log.seek(0)
            number = 1 + sum(json.loads(line)["command"] == command for line in log)
            log.write(json.dumps({"command": command, "call": number, "time": time.time(), "argv": argv}) + "\n")
        return number


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def split_arguments(argv):
    """Return option -> value (those given several times: joined by blanks), and the other words."""
    options, rest, words = {}, [], list(argv)
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            rest.append(word)
        elif word in FLAGS:
            options[word] = True
        else:
            options[word] = " ".join(filter(None, [options.get(word), words.pop(0)]))
    return options, rest


def qsub(cluster, argv, number):
    options, (script,) = split_arguments(argv)
    if options.get("-q", "workq") != "workq":
        sys.stderr.write("qsub: Unknown queue\n")
        return 170
    with open(script, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    environment = dict(os.environ) if "-V" in options else {"PATH": os.defpath, "HOME": os.environ["HOME"]}
    job = {"number": number, "state": "Q", "name": options["-N"], "options": options, "text": text}
    cluster.save(job, environment=environment, session=None, exit_status=None, substate=None)
    command = [sys.executable, "-S", "-E", os.path.abspath(__file__), cluster.folder, "keep", str(number)]
    # A signal that comes before the keeper handles it must not kill it; blocked, it waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, TOLD)
    # Not by `subprocess`, whose import takes as long as half a call.
    silence = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in range(3)]
    keeper = os.posix_spawn(sys.executable, command, os.environ, file_actions=silence, setsid=True)
    with open(cluster.path("jobs", f"{number}.keeper"), "w", encoding="utf-8") as file:
        json.dump({"pid": keeper, "start_ticks": start_ticks(keeper)}, file)
    sys.stdout.write(f"{number}.{SERVER}\n")
    return 0


def qstat(cluster, argv, number):
    if argv == ["--version"]:
        sys.stdout.write("pbs_version = 20.0.1\n")
        return 0
    options, ids = split_arguments(argv)
    with_history = "-x" in options
    if with_history and not cluster.config()["has_history"]:
        sys.stderr.write("qstat: PBS is not configured to maintain job history\n")
        return 1
    code = 0
    for job_id in ids or [f"{job}.{SERVER}" for job in cluster.numbers()]:
        job = cluster.job(job_id.partition(".")[0])
        if job is None:
            sys.stderr.write(f"qstat: Unknown Job Id {job_id}\n")
            code = UNKNOWN_ID
        elif job["state"] == "F" and not with_history and ids:
            sys.stderr.write(f"qstat: {job_id} Job has finished, use -x or -H to obtain historical job information\n")
            code = HAS_FINISHED
        elif job["state"] != "F" or with_history:
            sys.stdout.write(long_form(job))
    return code


def long_form(job):
    fields = {
        "Job_Name": job["name"],
        "Job_Owner": f"{pwd.getpwuid(os.getuid()).pw_name}@login",
        "job_state": job["state"],
        "queue": "workq",
        "Output_Path": f"login:{job['options'].get('-o', '')}",
        "exec_host": "node1/0" if job["session"] else None,
        "substate": job["substate"],
        "Exit_status": job["exit_status"],
    }
    lines = [f"    {name} = {value}" for name, value in fields.items() if value is not None]
    wrapped = [line if len(line) <= 78 and line.isprintable() else in_lines(line) for line in lines]
    return "\n".join([f"Job Id: {job['number']}.{SERVER}", *wrapped]) + "\n\n"


def in_lines(text):
    import textwrap  # few lines are that long, and its import takes as long as half a call

    return "\n\t".join(textwrap.wrap(text, 78, drop_whitespace=False))


def qdel(cluster, argv, number):
    return tell(cluster, "qdel", argv, lambda job: signal_keeper(cluster, job, signal.SIGTERM))


def qsig(cluster, argv, number):
    options, ids = split_arguments(argv)
    sent = signal.Signals[options["-s"]]
    return tell(cluster, "qsig", ids, lambda job: signal_session(job["session"], sent) if job["session"] else None)


def tell(cluster, command, ids, act):
    """Act on each of these jobs that has not ended; complain about the others."""
    code = 0
    for job_id in ids:
        job = cluster.job(job_id.partition(".")[0])
        if job is None or job["state"] == "F":
            problem = f"Unknown Job Id {job_id}" if job is None else f"Job has finished {job_id}"
            sys.stderr.write(f"{command}: {problem}\n")
            code = UNKNOWN_ID if job is None else HAS_FINISHED
        else:
            act(job)
    return code


def signal_keeper(cluster, job, number):
    keeper = read_json(cluster.path("jobs", f"{job['number']}.keeper"))
    if keeper is not None and start_ticks(keeper["pid"]) == keeper["start_ticks"]:
        send(keeper["pid"], number)


class Keeper:
    """Looks after one job."""

    def __init__(self, cluster, number):
        self.cluster, self.config, self.job = cluster, cluster.config(), cluster.job(number)
        self.told = None
        for told in TOLD:
            signal.signal(told, self.on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TOLD)

    def on_signal(self, number, frame):
        self.told = number

    def keep(self):
        slot = self.wait_for_slot()
        if slot is None:
            self.cluster.save(self.job, state="F", substate=DELETED)
            return
        process = self.start()
        self.cluster.save(self.job, state="R", session=process.pid)
        is_over_time = self.watch(process)
        signal_session(process.pid, signal.SIGKILL)  # whatever the script has left behind
        code = process.returncode if process.returncode >= 0 else 256 - process.returncode
        code = KILLED_FOR_WALLTIME if is_over_time else code
        self.cluster.save(
            self.job, state="F", exit_status=code, substate=DELETED if self.told else FAILED if code else FINISHED
        )

    def wait_for_slot(self):
        """Return a locked file, held to the end of this process; None if the job is deleted first."""
        while self.told is None:
            for number in range(self.config["slots"]):
                slot = open(self.cluster.path(f"slot{number}"), "a", encoding="utf-8")  # noqa: SIM115  (open means taken)
                try:
                    fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return slot
                except BlockingIOError:
                    slot.close()
            time.sleep(LOOK_S)
        return None

    def start(self):
        import subprocess  # only the process that keeps a job needs it

        options, job = self.job["options"], self.job
        script = self.cluster.path("jobs", f"{job['number']}.SC")
        with open(script, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(job["text"])
        streams = [os.open(options.get(name, os.devnull), OUTPUT, 0o644) for name in ("-o", "-e")]
        own = {"PBS_JOBID": f"{job['number']}.{SERVER}", "PBS_JOBNAME": job["name"], "PBS_ENVIRONMENT": "PBS_BATCH"}
        return subprocess.Popen(
            [options.get("-S", "/bin/sh"), script],
            cwd=self.cluster.folder,
            env={**job["environment"], **own},
            stdin=subprocess.DEVNULL,
            stdout=streams[0],
            stderr=streams[1],
            start_new_session=True,
        )

    def watch(self, process):
        """Wait for the job's end, or end it on request or after its time limit; return whether it was the limit."""
        limit_at = time.monotonic() + self.walltime_s()
        kill_at, is_over_time = None, False
        while process.poll() is None:
            now = time.monotonic()
            if kill_at is None and (self.told is not None or now >= limit_at):
                is_over_time, kill_at = self.told is None, now + self.config["kill_delay_s"]
                signal_session(process.pid, signal.SIGTERM)
            if self.told == signal.SIGINT or (kill_at is not None and now >= kill_at):
                signal_session(process.pid, signal.SIGKILL)
            time.sleep(LOOK_S)
        return is_over_time

    def walltime_s(self):
        limits = [word for word in self.job["options"].get("-l", "").split() if word.startswith("walltime=")]
        hours, minutes, seconds = (int(part) for part in limits[-1].partition("=")[2].split(":"))
        return (hours * 3600 + minutes * 60 + seconds) * self.config["walltime_unit_s"]


COMMANDS = {"qsub": qsub, "qstat": qstat, "qdel": qdel, "qsig": qsig}


def main(folder, command, *argv):
    cluster = Cluster(folder)
    if command == "keep":
        Keeper(cluster, argv[0]).keep()
        return 0
    number = cluster.next_number(command, list(argv))
    if os.path.exists(cluster.path("down")) and argv != ("--version",):
        sys.stderr.write(f"Connection refused\n{command}: cannot connect to server {SERVER} (errno=15010)\n")
        return NO_SERVER
    return COMMANDS[command](cluster, list(argv), number)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
