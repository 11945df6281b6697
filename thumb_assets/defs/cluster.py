"""Celery for several machines: the application of the workers, and the launcher that hands them runs.

A worker is `celery -A thumb_assets.defs.cluster worker -Q cpu -c 1`. Each of its processes keeps its engine, and so its
models, from one run to the next. One process per GPU.
"""

from contextlib import ExitStack
from typing import Any

import dagster as dg
from celery.signals import worker_process_init, worker_process_shutdown
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.make_app import make_app
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG, DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task
from kombu.entity import Queue

from thumb_assets.defs.internals import CheckRunHealthResult, WorkerStatus
from thumb_assets.pipeline.isolate import warm_engine
from thumb_assets.settings.environment import broker_url

_ANSWER_SECONDS = 3.0
_NUM_QUESTIONS = 3


app = make_app({"broker": broker_url(), "backend": broker_url()})
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_disable_prefetch=True,  # a run that waited behind another one in the same worker could go elsewhere
    task_queues=[
        Queue(name, routing_key=f"{name}.#", queue_arguments={"x-max-priority": 10}) for name in ("cpu", "gpu")
    ],
)
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)

_kept = ExitStack()


@worker_process_init.connect
def _keep_engine(**_: Any) -> None:
    _kept.enter_context(warm_engine())


@worker_process_shutdown.connect
def _end_engine(**_: Any) -> None:
    _kept.close()


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """dagster-celery's launcher, which also notices that a worker is gone, or that there is none; same configuration.

    A run is one Celery task. Of a worker that was killed the result backend says "started" for ever, so the worker
    itself is asked for the task: it may have come back under the same name. Run monitoring then fails the run, and run
    retries start it again elsewhere.
    """

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """As by the result backend; where that says "started", as by the worker."""
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:  # it is noted after the task was sent
            return CheckRunHealthResult(WorkerStatus.RUNNING, "the task was sent just now")
        health = super().check_run_worker_health(run)
        if health.status != WorkerStatus.RUNNING:
            return health
        info = self.celery.AsyncResult(task_id).info
        worker = info.get("hostname") if isinstance(info, dict) else None
        if worker is None or self._has_task(worker, task_id):
            return health
        health = super().check_run_worker_health(run)  # it may have ended between the two questions
        if health.status != WorkerStatus.RUNNING:
            return health
        return CheckRunHealthResult(
            WorkerStatus.FAILED, f"the worker {worker} no longer has the task: it was killed or cut off"
        )

    def get_run_worker_debug_info(
        self,
        run: dg.DagsterRun,
        include_container_logs: bool | None = True,  # noqa: FBT002 - as in the base class
    ) -> str | None:
        """Who could take the run: what people need to know where none did."""
        del include_container_logs
        queue = run.tags.get(DAGSTER_CELERY_QUEUE_TAG, self.default_queue)
        queues: dict[str, list[dict[str, Any]]] = (
            self.celery.control.inspect(timeout=_ANSWER_SECONDS).active_queues() or {}
        )
        listening = sorted(worker for worker, its in queues.items() if any(each["name"] == queue for each in its))
        if listening:
            return f"workers of the queue {queue!r}: {', '.join(listening)}"
        return f"no worker listens to the queue {queue!r}: start one, see deploy/README.md"

    def _has_task(self, worker: str, task_id: str) -> bool:
        inspect = self.celery.control.inspect(destination=[worker], timeout=_ANSWER_SECONDS)
        # One lost answer is no death: the run would be done twice.
        answers = (inspect.query_task(task_id) for _ in range(_NUM_QUESTIONS))
        answer: dict[str, dict[str, Any]] = next((answer for answer in answers if answer), {})
        return task_id in answer.get(worker, {})
