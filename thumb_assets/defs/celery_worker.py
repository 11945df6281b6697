"""The Celery application of a worker: `celery -A thumb_assets.defs.celery_worker worker -Q cpu -c 1`.

Each process of a worker keeps its engine, and so its models, from one run to the next. One process per GPU.
"""

from contextlib import ExitStack
from typing import Any

from celery.signals import worker_process_init, worker_process_shutdown
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task
from kombu.entity import Queue

from thumb_assets.pipeline import warm_engine
from thumb_assets.settings import broker_url

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
