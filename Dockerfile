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
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin tocsin \
 && install -d -o tocsin -g tocsin -m 0700 /data
COPY --from=build /opt/tocsin /opt/tocsin
COPY --chmod=0755 deploy/entrypoint.sh /usr/local/bin/entrypoint.sh
# Loops are compiled when a process starts, and kept where it may write.
ENV NUMBA_CACHE_DIR=/tmp/numba
ENV PATH=/opt/tocsin/bin:$PATH PYTHONDONTWRITEBYTECODE=1 TOCSIN_DATA_DIR=/data TOCSIN_HOST=0.0.0.0
USER tocsin
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["entrypoint.sh"]
CMD ["tocsin", "serve"]
