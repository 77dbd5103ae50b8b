"""What other systems tell us: the signature first, everything else after."""

from flask import Blueprint

bp = Blueprint("hooks", __name__, url_prefix="/hooks")
