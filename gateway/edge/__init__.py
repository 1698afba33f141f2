"""The site leads itself: a small process beside a local gateway and broker, which shares the site's power.

It reads the frames of the site's chargers on the local broker, knows who charges and what is drawn, and sends limits
on `{key}/out` as a worker does. Sharing, ledger and tree are those of the cloud (`smartcharging.cars`, `ledger`,
`grid`); no ORM and no database of ours is loaded here. What it must not forget is in a journal, an SQLite file.

One leads at a time: the cloud says in its *brief* (retained) who, with an epoch that only grows. While workers are not
heard it also stands in for them where no decision is called for, see `standin`.
"""
