# A server of a bundle, without torch: docker build -t marquee . && docker run -p 8000:8000 -v /srv/marquee:/data marquee
FROM python:3.12-slim
WORKDIR /app
COPY . .
RUN pip install --no-cache-dir --constraint requirements.lock ".[postgres]" && rm -rf /app \
    && useradd --system --uid 10001 marquee && mkdir /data && chown marquee /data
WORKDIR /data
USER marquee
VOLUME /data
EXPOSE 8000
# /data is the `out` folder of a training run; MARQUEE_STORE names PostgreSQL, else /data/live.sqlite is used
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready')"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["marquee-serve", "bundle=/data", "host=0.0.0.0"]
CMD ["workers=2"]
