"""Exit 0 if a database that lets us in as a superuser, and a Redis, answer at these two URLs."""

import sys

import psycopg
import redis


def main(database_url: str, redis_url: str) -> int:
    try:
        with psycopg.connect(database_url, connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
        is_redis = redis.Redis.from_url(redis_url, socket_connect_timeout=3).ping()
    except (psycopg.Error, redis.RedisError) as error:
        print(f"not used: {error}")
        return 1
    return 0 if row and row[0] and is_redis else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
