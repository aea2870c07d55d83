"""A notebook with accounts: Flask, Flask-Login, Flask-WTF (CSRF tokens), SQLite, served by waitress's threads.

With --fault the identity of whoever asks is kept in one object at module level instead of in the request's own `g`.
"""

import argparse
import pathlib
import sqlite3
import tempfile
import types

from flask import Flask, g, jsonify, redirect, render_template_string, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_wtf import CSRFProtect, FlaskForm
from waitress.server import create_server
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

SCHEMA = """
CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, password TEXT NOT NULL);
CREATE TABLE note (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES account, text TEXT NOT NULL);
CREATE INDEX note_owner ON note (owner);
CREATE TABLE news (text TEXT NOT NULL);
INSERT INTO news VALUES ('Welcome to the notebook.');
PRAGMA journal_mode = WAL;
"""

LOGIN = """<!doctype html><title>Log in</title>
{% for message in problems %}<p class="problem">{{ message }}</p>{% endfor %}
<form method="post">{{ form.hidden_tag() }}{{ form.name.label }} {{ form.name }}
{{ form.password.label }} {{ form.password }}<button>Log in</button></form>"""

NOTEBOOK = """<!doctype html><title>{{ owner }}</title><h1>Notes of {{ owner }}</h1>
{% for item in news %}<p class="news">{{ item.text }}</p>{% endfor %}
<form method="post">{{ form.hidden_tag() }}{{ form.text }}<button>Add</button></form>
<ul>{% for note in notes %}<li>{{ note.text }}</li>{% endfor %}</ul>"""


class LoginForm(FlaskForm):
    name = StringField("Name", [InputRequired()])
    password = PasswordField("Password", [InputRequired()])


class NoteForm(FlaskForm):
    text = StringField("Text", [InputRequired()])


class Account(UserMixin):
    def __init__(self, row):
        self.id = row["id"]
        self.name = row["name"]


def make_app(path, fault):
    app = Flask(__name__)
    app.config.update(SECRET_KEY="only for tests", SESSION_COOKIE_SAMESITE="Lax")
    CSRFProtect(app)
    logins = LoginManager(app)
    logins.login_view = "log_in"
    asking = types.SimpleNamespace() if fault else g

    def database():
        if "database" not in g:
            g.database = sqlite3.connect(path, timeout=30)
            g.database.row_factory = sqlite3.Row
        return g.database

    @app.teardown_appcontext
    def close(_error):
        if "database" in g:
            g.pop("database").close()

    @logins.user_loader
    def load(identity):
        row = database().execute("SELECT id, name FROM account WHERE id = ?", (identity,)).fetchone()
        return row and Account(row)

    @app.before_request
    def note_who_asks():
        asking.account = current_user._get_current_object()

    def notes_of(account):
        rows = database().execute("SELECT text FROM note WHERE owner = ? ORDER BY id DESC LIMIT 5", (account.id,))
        return [{"text": row["text"]} for row in rows]

    @app.route("/login", methods=["GET", "POST"])
    def log_in():
        form, problems = LoginForm(), []
        if form.validate_on_submit():
            row = database().execute("SELECT * FROM account WHERE name = ?", (form.name.data,)).fetchone()
            if row and row["password"] == form.password.data:
                login_user(Account(row))
                return redirect(url_for("notebook"))
            problems.append("Name or password is wrong.")
        return render_template_string(LOGIN, form=form, problems=problems)

    @app.route("/notes", methods=["GET", "POST"])
    @login_required
    def notebook():
        form = NoteForm()
        if form.validate_on_submit():
            with database() as connection:
                connection.execute("INSERT INTO note (owner, text) VALUES (?, ?)", (current_user.id, form.text.data))
            return redirect(url_for("notebook"), 303)
        news = database().execute("SELECT text FROM news").fetchall()
        account = asking.account
        return render_template_string(NOTEBOOK, form=form, news=news, owner=account.name, notes=notes_of(account))

    @app.get("/api/notes")
    @login_required
    def notes():
        unread = database().execute("SELECT count(*) FROM news").fetchone()[0]
        return jsonify(owner=asking.account.name, unread=unread, notes=notes_of(asking.account))

    @app.post("/logout")
    @login_required
    def log_out():
        logout_user()
        return redirect(url_for("log_in"))

    return app


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--fault", action="store_true")
    options.add_argument("--users", type=int, default=20)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "notebook.sqlite")
        connection = sqlite3.connect(path)
        connection.executescript(SCHEMA)
        names = [f"tester{number + 1}" for number in range(options.users)]
        connection.executemany(
            "INSERT INTO account (name, password) VALUES (?, ?)", [(name, f"password-{name}") for name in names]
        )
        connection.commit()
        connection.close()
        server = create_server(make_app(path, options.fault), host="127.0.0.1", port=0, threads=8, ident=None)
        print(f"http://127.0.0.1:{server.effective_port}", flush=True)
        server.run()


if __name__ == "__main__":
    main()
