"""Speed, against what the machine could do at best: each measurement beside its baseline in one run.

Not a judge of correctness (`ci.conformance` is), but answers are compared with the baseline's before they are timed.
README.md says how each figure is measured.
"""

import os

# numpy's BLAS keeps a thread of its own spinning for a while after each product, which would cost the baseline a core.
# The server says the same to its processes. Read when numpy is imported, hence here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
