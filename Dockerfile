# Two stages: the first installs from the lock with hashes, the second has no compiler and no pip cache.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/tocsin \
 && /opt/tocsin/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY workers workers
COPY migrations migrations
RUN /opt/tocsin/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
# libgomp1: scikit-learn's OpenMP runtime is looked up on some platforms.
RUN apt-get update && apt-get install --no-install-recommends -y libgomp1 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 10001 tocsin \
 && useradd --system --uid 10001 --gid 10001 --home-dir /data --shell /usr/sbin/nologin tocsin \
 && install -d -o tocsin -g tocsin -m 0700 /data
COPY --from=build /opt/tocsin /opt/tocsin
COPY --chmod=0755 deploy/entrypoint.sh /usr/local/bin/entrypoint.sh
ENV PATH=/opt/tocsin/bin:$PATH PYTHONDONTWRITEBYTECODE=1 TOCSIN_DATA_DIR=/data TOCSIN_HOST=0.0.0.0
# Loops are compiled here, for every processor of the architecture: half a minute that no start of a
# container pays. The entrypoint copies them to where numba may write; it reads no other cache.
ENV NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/tmp/numba
RUN NUMBA_CACHE_DIR=/opt/tocsin/compiled python -c "from app.detection import prepare; prepare()" \
 && chmod -R a+rX /opt/tocsin/compiled
USER tocsin
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["entrypoint.sh"]
CMD ["tocsin", "serve"]
