"""A sweep whose store is a bucket: a server on this machine that speaks S3, written to by two workers.

python s3.py [--count 2000]     prints how long it took, the objects in the bucket, what SQL says, and whether the end
state is that of a folder
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from clock import Phases
from studies import regression

import multiverse as mv
from multiverse.store.end_state import end_state
from multiverse.store.place import open_store

BUCKET = "multiverse"


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a bucket on a server of this machine; processes started from here on are logged in to it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    import boto3

    boto3.client("s3").create_bucket(Bucket=BUCKET)
    yield f"s3://{BUCKET}/small-regressions"
    server.stop()


@click.command(help=__doc__)
@click.option("--count", default=2000)
@click.option("--workers", default=2)
def main(count: int, workers: int) -> None:
    """Measure."""
    plan = mv.plan(regression(count))
    with s3_server() as address, tempfile.TemporaryDirectory() as folder:
        states = []
        for store, executor in (
            (f"{folder}/store", mv.Local(threads=workers)),
            (f"{folder}/store on ray", mv.Ray(workers=workers)),
            (address, mv.Ray(workers=workers)),
        ):
            phases = Phases()
            results = mv.run(plan, store=store, engine="laplace", executor=executor, progress=phases)
            states.append(end_state(open_store(store)))
            where = f"{type(executor).__name__}, into {Path(store).name if store != address else address}"
            print(f"{where}: {phases.seconds['answering universes']:.1f} s", flush=True)
        files = open_store(address)
        print(f"objects in the bucket: {', '.join(f'{len(files.names(k))} of {k}' for k in ('run', 'part', 'pack'))}")
        began = time.perf_counter()
        print(results.sql("select degrees, count(*) as universes, avg(median) as median from estimates group by all"))
        print(f"SQL on the bucket: {time.perf_counter() - began:.2f} s")
    equal = all(state.equals(states[0]) for state in states)
    print(f"end state of the bucket and of the folders: {'equal' if equal else 'OTHER'}, {states[0].num_rows:,} rows")
    if not equal:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
