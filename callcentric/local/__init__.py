"""The portal on one machine with nothing installed: embedded servers, and what starts and stops them.

Development only: production brings its own PostgreSQL, Redis and Stripe, and never imports this package. Read
it in this order:

- ``__main__``   the commands ``make`` calls: run, test, bench
- ``run``        ``make run`` from the first server to the last line it prints
- ``rehearse``   ``make test`` and ``make bench``: a command beside servers of its own
- ``state``      the data folder: its lock, and the ports and secrets that are kept
- ``variables``  what the servers make of the portal's environment variables
- ``servers``    Valkey and localstripe; ``postgres``: PostgreSQL, also for root
- ``processes``  how a process is started so that it cannot be left behind
- ``supervise``, ``stripe_process``, ``tether``   run as processes of their own, by the modules above
"""
