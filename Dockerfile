FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements/prod.txt requirements/prod.txt
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps --disable-pip-version-check -r requirements/prod.txt
COPY . .
# Static files are made once, with values that only have to be there: the real ones come when a container starts.
RUN PORTAL_DATA=/srv/portal SECRET_KEY=build SITE_URL=https://build.invalid DEFAULT_FROM_EMAIL=build@build.invalid \
    DATABASE_URL=postgres://build.invalid/build REDIS_URL=redis://build.invalid \
    STRIPE_SECRET_KEY=build STRIPE_PUBLISHABLE_KEY=build STRIPE_WEBHOOK_SECRET=build \
    /venv/bin/python manage.py collectstatic --noinput

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home portal
COPY --from=build /venv /venv
COPY --from=build /srv/portal /srv/portal
COPY --from=build /app /app
WORKDIR /app
# HOME: the user has no folder of its own, and some libraries look for one.
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORTAL_DATA=/srv/portal
USER 10001
EXPOSE 8000
# The portal answers only to its own name, so the question carries it.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(web.Request('http://127.0.0.1:8000/healthz', headers={'Host': os.environ['SITE_URL'].split('://')[1].split('/')[0]}), timeout=8)"]
CMD ["gunicorn", "callcentric.wsgi", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=2", "--threads=4", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
