import asyncio
import threading

import pytest

from workflows.pump.pool import StepPool


class Job:
    def __init__(self, call=lambda: None):
        self.call = call
        self.thread = None

    def run(self):
        self.thread = threading.current_thread()
        self.call()


def run_jobs(jobs, threads=8):
    """Run jobs in a pool; return them in the order they came back, and how many calls brought them."""
    calls, tidied, left = [], [], []

    async def main():
        done = asyncio.Event()

        def collect(finished):
            calls.append(list(finished))
            if sum(map(len, calls)) == len(jobs):
                done.set()

        pool = StepPool(threads, collect, tidy=lambda: tidied.append(1), leave=lambda: left.append(1))
        for job in jobs:
            pool.submit(job)
        await asyncio.wait_for(done.wait(), 30)
        workers = {job.thread for job in jobs}
        pool.close()
        for worker in workers:
            await asyncio.to_thread(worker.join, 30)
        return workers

    workers = asyncio.run(main())
    assert tidied
    assert len(left) >= len(workers)
    return calls, workers


def test_every_job_comes_back_once():
    jobs = [Job() for _ in range(500)]
    calls, _ = run_jobs(jobs)
    back = [job for call in calls for job in call]
    assert len(back) == 500
    assert set(back) == set(jobs)


def test_short_jobs_come_back_many_at_a_time():
    calls, _ = run_jobs([Job() for _ in range(2000)])
    assert len(calls) < 1000


@pytest.mark.parametrize("width", [2, 8])
def test_jobs_that_block_get_more_threads_up_to_the_limit(width):
    meet = threading.Barrier(width)
    _, workers = run_jobs([Job(lambda: meet.wait(30)) for _ in range(width)], threads=width)
    assert len(workers) == width


def test_no_more_threads_run_than_allowed():
    lock, now, most = threading.Lock(), [0], [0]

    def count():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.005)
        with lock:
            now[0] -= 1

    run_jobs([Job(count) for _ in range(40)], threads=3)
    assert most[0] <= 3


def test_a_job_that_took_its_time_is_tidied_up_after():
    tidied = []

    async def main():
        done = asyncio.Event()
        pool = StepPool(1, lambda finished: done.set(), tidy=lambda: tidied.append(1), leave=lambda: None)
        pool.submit(Job(lambda: threading.Event().wait(0.001)))
        await asyncio.wait_for(done.wait(), 30)
        pool.close()

    asyncio.run(main())
    assert len(tidied) == 2
