"""A look-alike of LSF's bsub, bjobs, bkill, bmod and bparams, whose jobs are real processes.

The environment variable FAKE_LSF_DIR names the cluster's folder:
  config.json     how the cluster behaves; every key may be missing, see `DEFAULTS` in cluster.py
  calls.log       one JSON object per call: command, call (its number among calls of that command), time, pid, argv
  state.json      jobs and scheduler; written under a lock, whole
  spool/ mail/    scripts and output of running jobs; reports of jobs without -o
  scheduler.log   what the scheduler process says; empty unless it broke

The scheduler is a detached process that the first bsub starts and that leaves when nothing is left to do. Each job is a
session of its own; kills reach every process of that session. `admin.py --stop DIR` ends all of it.

`faults` in config.json is a list of {command, kind, calls, match, ...}: it happens at the calls of `command` that
`calls` names (3, "3-5", "3-", or a list of those; default: all) and whose arguments contain the text `match`.
  for every command:
    say            print `stdout` and `stderr`, exit with `code` (255); nothing else is done
    non_lsf_host, library_error, esub_abort, no_permission   `say` with LSF's text
    empty          print nothing, exit 0
    crash          die of `signal` (SIGKILL)
    slow           wait `seconds`, then answer
    hang           the same without a word of when: an hour if `seconds` is not given
    down           say "LSF is down. Please wait ..." on stderr, wait like `hang`, then answer
  bsub:   lost_reply   the job is accepted, but the answer is a library error, 255
          hang_after   the job is accepted, then bsub waits `seconds` (an hour) and says nothing
  bjobs:  missing      leave out the jobs `jobs` (ids), or the first `count` (1) running ones; asked for by id they are
                       "not found", or passed over without a word where `silent`
          states       show the jobs `states` (id -> word) in those states
          noise        print the lines `stdout` before the answer
          query_limit  say that the concurrent query limit is exceeded on stderr, wait `seconds` (1), then answer
  bkill:  ignored      say that the job is being terminated, and do nothing
"""

import sys

# For quick_json, which lies beside this folder: a stand-in is started with its own folder on the path only.
sys.path.append(__file__.rsplit("/", 3)[0])
