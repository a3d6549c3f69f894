"""dlt, in its own virtual environment: `python peer_dlt.py URL DIRECTORY incremental|scd2`.

For each line on standard input it loads the list once, in process, and prints what that took as a line of JSON.
"""

import json
import sys
import time

import dlt
import requests

URL, DIRECTORY, MODE = sys.argv[1:]
HOW = {"incremental": "append", "scd2": {"disposition": "merge", "strategy": "scd2"}}[MODE]


def read() -> list:
    """The list, as its vendor's clients ask for it."""
    answer = requests.get(f"{URL}/agencies/101/leads", params={"limit": 10000, "offset": 0}, timeout=30)
    return answer.json()["leads"]


@dlt.resource(name="leads", write_disposition=HOW, primary_key="id" if MODE == "incremental" else None)
def by_cursor(updated=dlt.sources.incremental("updated_at")):  # noqa: B008 - dlt's own way
    """Only what says that it was updated since."""
    yield read()


@dlt.resource(name="leads", write_disposition=HOW)
def whole():
    """Everything, for history to be made of."""
    yield read()


def main() -> None:
    """Load when told to."""
    pipeline = dlt.pipeline(
        f"bench_{MODE}",
        destination=dlt.destinations.sqlalchemy(f"sqlite:///{DIRECTORY}/{MODE}.db"),
        dataset_name="main",
        pipelines_dir=f"{DIRECTORY}/{MODE}",
    )
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        pipeline.run(by_cursor() if MODE == "incremental" else whole())
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        rows = pipeline.last_trace.last_normalize_info.row_counts
        print(json.dumps({**took, "rows": rows.get("leads", 0)}), flush=True)


main()
