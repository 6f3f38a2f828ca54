"""nginx as its official image has it: the stock page on port 80, access to standard output, errors to standard error.

The logs are links to ``/dev/stdout`` and ``/dev/stderr``, which nginx's master opens as root before it forks.
"""

from __future__ import annotations

from .recipe import Recipe, User, folder, link, text

_MAIN = """\
user  nginx;
worker_processes  auto;

error_log  /var/log/nginx/error.log notice;
pid        /var/run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';

    access_log  /var/log/nginx/access.log  main;

    sendfile           on;
    keepalive_timeout  65;

    include /etc/nginx/conf.d/*.conf;
}
"""

_DEFAULT_SITE = """\
server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
"""

_ERROR_PAGE = """\
<!DOCTYPE html>
<html>
<head><title>Error</title></head>
<body><h1>An error occurred.</h1><p>The error log has the details.</p></body>
</html>
"""

NGINX = Recipe(
    name="nginx",
    packages=("nginx", "busybox-static"),
    versioned="nginx",
    assumed=("iproute2", "debconf", "adduser", "init-system-helpers"),
    excluded=("etc/nginx/sites-*", "etc/nginx/snippets*", "etc/default/*"),
    users=(User("www-data", 33, "/var/www"), User("nginx", 101)),
    files=(
        text("etc/nginx/nginx.conf", _MAIN),
        text("etc/nginx/conf.d/default.conf", _DEFAULT_SITE),
        text("usr/share/nginx/html/50x.html", _ERROR_PAGE),
        link("var/log/nginx/access.log", "/dev/stdout"),
        link("var/log/nginx/error.log", "/dev/stderr"),
        folder("var/lib/nginx"),
        folder("var/cache/nginx"),
        folder("usr/lib/nginx/modules"),
        link("etc/nginx/modules", "/usr/lib/nginx/modules"),
    ),
    config={
        "Cmd": ["nginx", "-g", "daemon off;"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "ExposedPorts": {"80/tcp": {}},
        "StopSignal": "SIGQUIT",
        "WorkingDir": "/",
    },
)
