"""From the bus to the database and back: the worker's part of the reply path. Redis has no part in it.

    subscriber (MQTT) ─▶ desk + batcher ─▶ crew: forked hands ─▶ batch: ONE commit ─▶ publish replies ─▶ MQTT ack

`bootstep` hangs it into the Celery worker.
"""
