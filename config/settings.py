"""Settings, all from the environment; the defaults suit one developer's machine."""

import os
import secrets
from pathlib import Path

import dj_database_url
from django.utils.translation import gettext_lazy as _
from kombu import Queue

from config.demo import redis_socket, redis_url
from config.email import email_settings

BASE_DIR = Path(__file__).resolve().parent.parent


def flag(name: str, default: bool = False) -> bool:
    """Read a yes/no environment variable."""
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def secret_key(path: Path) -> str:
    """Return the installation's secret key, made once and kept readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as key_file:
            key_file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()


VAR_DIR = Path(os.environ.get("COUNTERSIGN_VAR", BASE_DIR / "var")).resolve()
DEBUG = flag("COUNTERSIGN_DEBUG")
DEMO = flag("COUNTERSIGN_DEMO")
SECRET_KEY = os.environ.get("SECRET_KEY") or secret_key(VAR_DIR / "secret_key")
# Earlier secret keys: what they signed or encrypted stays readable until it is renewed.
SECRET_KEY_FALLBACKS = os.environ.get("SECRET_KEY_FALLBACKS", "").split()
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
# Where people reach the pages: what mail and webhooks link to.
PUBLIC_URL = (os.environ.get("PUBLIC_URL") or "http://localhost:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [
    origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin
]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "csp",
    "decisions",
    "evaluations",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "decisions.middleware.lost_sessions",
    "decisions.middleware.refusals",
    "decisions.middleware.htmx_messages",
    "decisions.middleware.time_zone",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "decisions.context_processors.appearance",
                "decisions.context_processors.unread",
            ],
        },
    },
]

# WAL with IMMEDIATE transactions: without IMMEDIATE, a read that turns into a write fails at once
# when another process has written in between, whatever the timeout says. SQLite has no queue: who
# waits tries again now and then, and of many the last has waited far longer than its share.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 60,  # seconds
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or f"sqlite:///{VAR_DIR / 'countersign.sqlite3'}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Without REDIS_URL, a command in a second terminal finds the running demo's private Redis.
DEMO_REDIS = redis_socket(VAR_DIR)
REDIS_URL = os.environ.get("REDIS_URL") or (
    redis_url(DEMO_REDIS) if DEMO_REDIS.exists() else "redis://127.0.0.1:6379/0"
)
# Shared by all workers: guesses at passwords are counted in it.
if DEMO or not DEBUG or os.environ.get("REDIS_URL"):
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL.replace("redis+socket://", "unix://"),
            # Nobody waits for it longer than a blink to sign in.
            "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
        }
    }

# The row in the database is the truth: Celery only wakes a worker up, so results are not kept.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A worker takes from these queues by turns: who waits for one file, or for mail, does not wait for
# all the zips of many records that others have asked for.
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in ("celery", "documents", "bundles")]
CELERY_TASK_ROUTES = {
    "decisions.tasks.render_document": {"queue": "documents"},
    "decisions.tasks.make_bundle": {"queue": "bundles"},
}
# A child that has made something heavy does not give all of its memory back: it is renewed after so
# many jobs, or after the one in which it came to hold so much (in kB).
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_000_000
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Every action wakes a worker. Where the queue is down nobody waits for it longer than a blink: the
# sweeps find what there is to do.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
# How often work is looked for that nobody does any more.
REAPER_PERIOD_SECONDS = 15.0
CELERY_BEAT_SCHEDULE = {
    "reclaim lost cases": {
        "task": "evaluations.tasks.reclaim_lost_work",
        "schedule": REAPER_PERIOD_SECONDS,
    },
    "take up lost imports": {"task": "evaluations.tasks.take_up_lost_imports", "schedule": 15.0},
    "cancel abandoned jobs": {
        "task": "evaluations.tasks.cancel_abandoned_jobs",
        "schedule": 30.0,
    },
    "mark stale evidence": {"task": "evaluations.tasks.mark_stale_evidence", "schedule": 600.0},
    "render lost documents": {"task": "decisions.tasks.render_lost_documents", "schedule": 30.0},
    "delete old bundles": {"task": "decisions.tasks.delete_old_bundles", "schedule": 3600.0},
    "look at the seal": {"task": "decisions.tasks.look_at_seal", "schedule": 300.0},
    "forget waiting files": {"task": "decisions.tasks.forget_waiting_files", "schedule": 3600.0},
    "tell the rest": {"task": "decisions.tasks.tell_the_rest", "schedule": 30.0},
    "write mail": {"task": "decisions.tasks.write_due_mail", "schedule": 30.0},
    "send due mail": {"task": "decisions.tasks.send_due_mail", "schedule": 30.0},
    "remind": {"task": "decisions.tasks.send_reminders", "schedule": 1800.0},
    "send due deliveries": {"task": "decisions.tasks.send_due_deliveries", "schedule": 10.0},
    # Every hour, because beat need not be up at any given one; the first run of a day writes.
    "anchor the audit log": {"task": "decisions.tasks.anchor_audit_log", "schedule": 3600.0},
}

# How mail leaves: EMAIL_URL, or Django's own names one by one; the console without either.
globals().update(email_settings(os.environ))
# Notices of one person go out together: once nothing new has come for so long, at most so late.
MAIL_QUIET_SECONDS = float(os.environ.get("MAIL_QUIET_SECONDS") or 300)
MAIL_LONGEST_WAIT_SECONDS = float(os.environ.get("MAIL_LONGEST_WAIT_SECONDS") or 1800)

# Whether webhooks may call addresses inside the network that Countersign runs in.
WEBHOOK_ALLOW_PRIVATE = flag("WEBHOOK_ALLOW_PRIVATE", DEBUG)

# Whether model servers may stand inside that network, as those that teams run themselves do.
ENDPOINT_ALLOW_PRIVATE = flag("ENDPOINT_ALLOW_PRIVATE", True)

# Where the heads of the audit log are kept, a file a day: best copied to where the database's
# administrator cannot write.
AUDIT_ANCHOR_DIR = Path(os.environ.get("AUDIT_ANCHOR_DIR") or VAR_DIR / "anchors").resolve()

# What documents are printed on: A4 or Letter.
PAPER = os.environ.get("COUNTERSIGN_PAPER") or "A4"

# What seals documents: a key and its chain in PEM, or both in one PKCS#12 file. Where none of these
# is named, what `make_seal_key` put into SEAL_DIR, if anything.
SEAL_DIR = Path(os.environ.get("SEAL_DIR") or VAR_DIR / "seal").resolve()
SEAL_PKCS12 = os.environ.get("SEAL_PKCS12", "")
SEAL_KEY = os.environ.get("SEAL_KEY", "")
SEAL_CERTIFICATES = os.environ.get("SEAL_CERTIFICATES", "")
# The password of the key, or the file that holds it: only who seals reads that.
SEAL_PASSWORD = os.environ.get("SEAL_PASSWORD", "").encode() or None
SEAL_PASSWORD_FILE = os.environ.get("SEAL_PASSWORD_FILE", "")
# Whom to ask for a time stamp (RFC 3161), nobody if empty; and the certificates (PEM) of the
# authorities whose time stamps are believed.
SEAL_TIMESTAMP_URL = os.environ.get("SEAL_TIMESTAMP_URL", "")
SEAL_TIMESTAMP_AUTHORITIES = os.environ.get("SEAL_TIMESTAMP_AUTHORITIES", "")

# How many records leave in one zip at most, and for how many days it is kept.
BUNDLE_RECORDS = int(os.environ.get("BUNDLE_RECORDS") or 1000)
BUNDLE_DAYS = int(os.environ.get("BUNDLE_DAYS") or 7)
# How much of them is kept for one person, in MB: the oldest go first.
BUNDLE_MB = int(os.environ.get("BUNDLE_MB") or 2000)

# What a worker may take for one document, in MB, on top of what it holds.
DOCUMENT_MEMORY_MB = int(os.environ.get("DOCUMENT_MEMORY_MB") or 2000)

# All files that came with a record's evidence together, in MB.
LARGEST_ATTACHMENTS_MB = int(os.environ.get("ATTACHMENTS_MB") or 500)

# For how long a worker may be silent before others take its cases over.
EVALUATION_LEASE_SECONDS = float(os.environ.get("EVALUATION_LEASE_SECONDS") or 60)

AUTH_USER_MODEL = "decisions.User"
AUTHENTICATION_BACKENDS = ["decisions.backends.EmailBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "desk"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
# Every string goes through gettext; a language is listed once its translation is complete, so
# that no page mixes two.
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "decisions.fonts.FontFinder",
]
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_ROOT = VAR_DIR / "media"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# How large a file may be that a record comes in from; reading it takes several times the memory.
IMPORT_LARGEST_MB = int(os.environ.get("COUNTERSIGN_IMPORT_MB") or 32)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# How many proxies stand before the app, each of which adds to X-Forwarded-For; 0: that is not read.
TRUSTED_PROXIES = int(os.environ.get("COUNTERSIGN_PROXIES") or 0)

SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if not DEBUG:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("COUNTERSIGN_HTTPS", True)
    SECURE_SSL_REDIRECT = flag("COUNTERSIGN_HTTPS", True)
    SECURE_HSTS_SECONDS = int(os.environ.get("HSTS_SECONDS", "31536000"))
    # One installation does not speak for its neighbours under the same domain unless told to.
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = flag("HSTS_SUBDOMAINS")
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
    if flag("COUNTERSIGN_HTTPS", True):
        # The proxy that ends TLS has to set this header itself and drop the client's.
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
        # It logs the addresses it calls, and many a webhook's address is a key.
        # So does it for model servers: a line for every answer of a run would bury all else.
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
    },
}
