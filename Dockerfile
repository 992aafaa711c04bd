# One image for the web server, the workers, the sweeper and the migration; docker-compose.yml says which is which.
FROM python:3.12-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/concord-venv \
    && uv pip sync --no-cache --require-hashes --python /opt/concord-venv/bin/python /tmp/requirements.lock

FROM python:3.12-slim
RUN groupadd --gid 10001 concord \
    && useradd --uid 10001 --gid concord --no-create-home --home-dir /nonexistent concord \
    && install --directory --owner concord --group concord /data
COPY --from=build /opt/concord-venv /opt/concord-venv
WORKDIR /srv/concord
COPY . .
ENV PATH=/opt/concord-venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=meta_app.settings.production \
    CONCORD_DATA=/data \
    NUMBA_CACHE_DIR=/data/cache/numba \
    MPLCONFIGDIR=/data/cache/matplotlib
# The values are placeholders of this one step; the running containers get theirs from the environment.
RUN CONCORD_SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
    CONCORD_DATABASE_URL=postgresql://build/none CONCORD_BROKER_URL=redis://build/0 CONCORD_HOSTS=build \
    python manage.py collectstatic --noinput
USER concord
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "--workers", "2", \
     "--blocking-threads", "8", "meta_app.wsgi:application"]
