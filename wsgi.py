"""What a web server loads: `granian --interface wsgi wsgi:app`."""

from loyalty.app import create_app

app = create_app()
