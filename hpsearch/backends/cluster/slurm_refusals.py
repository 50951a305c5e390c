"""The words with which sbatch takes no job, and what they mean (slurm_errno.c; reports from many sites)."""

from __future__ import annotations

from hpsearch.backends.refusals import SYSTEM_IS_SHORT, meanings
from hpsearch.core.errors import (
    ArrayTooLarge,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnsure,
    SubmitLimitReached,
)

SLURM_REFUSALS = meanings(
    # It may have been handed over.
    (SubmissionUnsure, r"timed out|Zero Bytes|Transport endpoint|Communication connection failure|Connection reset"),
    (SubmissionUnsure, r"Unexpected message|Broken pipe|Header lengths|Insane message"),
    # Limits on the number of jobs. Those of one job have other names (QOSMaxCpuPerJobLimit).
    (SubmitLimitReached, r"(?:Max|Grp)(?:Submit)?Jobs?"),
    (ArrayTooLarge, r"Invalid job array specification"),
    # Trouble that passes: of the controller, of its configuration, of the accounting, of what a job asks for.
    (SubmissionDelayed, r"(?:Unable|failed) to contact|not respond|unable to accept job"),
    (SubmissionDelayed, r"backup controller|standby|\brestart(?:ing|ed)?\b|reconfigur|starting up|shutting down"),
    (SubmissionDelayed, r"Unable to process configuration|configuration source|DNS SRV lookup"),
    (
        SubmissionDelayed,
        r"slurmdbd|talking to (?:the )?database|connect(?:ing)? to (?:the )?database|accounting storage",
    ),
    (SubmissionDelayed, r"authentication error|Munge (?:en|de)code|(?:Expired|Rewound|Replayed) credential"),
    (SubmissionDelayed, r"inactive or drain|down, drained|not usable now|nodes are busy|is in use"),
    (SubmissionDelayed, r"writing script/environment|submissions? (?:are |is )?disabled"),
    (SubmissionDelayed, SYSTEM_IS_SHORT),
    # What the job asks for, by name.
    (SubmissionRefused, r"partition|\baccounts?\b|(?<!accounting/)\bQOS|QOS(?:Max|Min|Grp)|Assoc(?:Max|Min|Grp)|wckey"),
    (SubmissionRefused, r"\bgres\b|generic resource|feature|constraint|Memory (?:spec|req)|licen[cs]e spec"),
    (SubmissionRefused, r"reservation|time limit is|Invalid time|\bwall|--\w|option|No cluster|dependency"),
    (SubmissionRefused, r"(?:CPU|node|task|processor|core|socket|thread|GPU)s? (?:count|name|config|spec|list|dist)"),
    (SubmissionRefused, r"(?:Requested|Required|Invalid|More|Too many) (?:nodes?|processors|CPUs|GPUs|tasks)\b"),
    # Without a name beside it, the first of the three that this sentence has is the one that sites enforce.
    (SubmitLimitReached, r"job submit limit"),
)
