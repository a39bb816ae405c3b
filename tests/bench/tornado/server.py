"""The accounts contract in Tornado with SQLAlchemy, as its tutorial does it, on an indexed table and with hashed passwords."""
import hashlib
import os
import re
import secrets

import argon2
import tornado.httpserver
import tornado.ioloop
import tornado.netutil
import tornado.process
import tornado.web
from sqlalchemy import BigInteger, Column, LargeBinary, String, create_engine, func, text
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import declarative_base, sessionmaker

OK, INVALID, KNOWN, WRONG = 0, 1001, 1002, 1004
MESSAGES = {OK: "ok", INVALID: "入参非法", KNOWN: "用户已注册，请直接登录", WRONG: "手机号或密码错误"}
Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(BigInteger, primary_key=True)
    phone = Column(String(16), unique=True)
    password = Column(String(255))
    createTime = Column(DATETIME)
    disableTime = Column(DATETIME)


class Audit(Base):
    __tablename__ = "audit"
    id = Column(BigInteger, primary_key=True)
    user_id = Column(BigInteger)
    event = Column(String(32))
    address = Column(String(45))
    request_id = Column(String(64))
    createTime = Column(DATETIME)


class Login(Base):
    __tablename__ = "sessions"
    tokenHash = Column(LargeBinary(32), primary_key=True)
    user_id = Column(BigInteger)
    createTime = Column(DATETIME)
    seenTime = Column(DATETIME)
    expireTime = Column(DATETIME)
    address = Column(String(45))
    agent = Column(String(200))


class Handler(tornado.web.RequestHandler):
    def answer(self, code, **more):
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish({"data": {"code": code, "msg": MESSAGES[code], **more}})

    def arguments_of(self, *names):
        try:
            body = tornado.escape.json_decode(self.request.body)
        except ValueError:
            body = None
        missing = [name for name in names if not isinstance(body, dict) or not isinstance(body.get(name), str)]
        if missing:
            self.answer(INVALID, fields=missing)
            return None
        return body

    def phone_of(self, text_):
        match = re.fullmatch(r"(?:\+86)?(1\d{10})", re.sub(r"[\s().-]+", "", text_))
        if match is None:
            self.answer(INVALID, fields=["phone"])
            return None
        return "+86" + match[1]

    @property
    def address(self):
        return self.request.headers.get("X-Real-IP", "127.0.0.1")

    @property
    def request_id(self):
        return self.request.headers.get("X-Request-Id", "-")


class Regist(Handler):
    def post(self):
        body = self.arguments_of("phone", "password", "code")
        phone = body and self.phone_of(body["phone"])
        if not phone:
            return
        if len(body["password"]) < 8 or not re.fullmatch(r"\d{6}", body["code"]):
            self.answer(INVALID, fields=["password"])
            return
        with self.application.session() as session:
            if session.query(User.id).filter(User.phone == phone).first():
                self.answer(KNOWN)
                return
            user = User(phone=phone, password=self.application.hasher.hash(body["password"]), createTime=func.utc_timestamp())
            session.add(user)
            try:
                session.flush()
                session.add(Audit(user_id=user.id, event="regist", address=self.address, request_id=self.request_id,
                                  createTime=func.utc_timestamp()))
                session.commit()
            except IntegrityError:
                session.rollback()
                self.answer(KNOWN)
                return
        self.answer(OK)


class SignIn(Handler):
    def post(self):
        body = self.arguments_of("phone", "password")
        phone = body and self.phone_of(body["phone"])
        if not phone:
            return
        with self.application.session() as session:
            user = session.query(User.id, User.password).filter(User.phone == phone).first()
            try:
                if user is None:
                    raise argon2.exceptions.VerifyMismatchError
                self.application.hasher.verify(user.password, body["password"])
            except argon2.exceptions.VerificationError:
                self.answer(WRONG)
                return
            token = secrets.token_urlsafe(32)
            session.add(Login(tokenHash=hashlib.sha256(token.encode()).digest(), user_id=user.id,
                              createTime=func.utc_timestamp(), seenTime=func.utc_timestamp(),
                              expireTime=text("UTC_TIMESTAMP() + INTERVAL 30 DAY"), address=self.address, agent="wrk"))
            session.add(Audit(user_id=user.id, event="login", address=self.address, request_id=self.request_id,
                              createTime=func.utc_timestamp()))
            session.commit()
        self.answer(OK, id=user.id, token=token)


class Auth(Handler):
    def get(self):
        token = self.request.headers.get("Authorization", "")[len("Bearer "):]
        with self.application.session() as session:
            user = session.query(User.id, User.phone).join(Login, Login.user_id == User.id).filter(
                Login.tokenHash == hashlib.sha256(token.encode()).digest(), Login.expireTime > func.utc_timestamp(),
                Login.seenTime > text("UTC_TIMESTAMP() - INTERVAL 7 DAY"), User.disableTime.is_(None)).first()
        if user is None:
            self.set_status(401)
            return
        self.set_status(204)
        self.set_header("X-User-Id", user.id)
        self.set_header("X-User-Phone", user.phone)


def main():
    with open(os.environ["BENCH_PASSWORD_FILE"], encoding="ascii") as file:
        password = file.read().strip()
    sockets = [tornado.netutil.bind_unix_socket(os.environ["BENCH_LISTEN"], 0o666, 512)]
    tornado.process.fork_processes(int(os.environ["BENCH_WORKERS"]))
    application = tornado.web.Application([("/users/regist", Regist), ("/users/login", SignIn), ("/users/auth", Auth)])
    engine = create_engine("mysql+mysqldb://users_service@localhost/users?charset=utf8mb4", pool_size=1,
                           connect_args={"unix_socket": os.environ["BENCH_SOCKET"], "password": password})
    application.session = sessionmaker(engine)
    application.hasher = argon2.PasswordHasher(time_cost=int(os.environ["BENCH_ARGON2_PASSES"]),
                                               memory_cost=int(os.environ["BENCH_ARGON2_MEMORY"]), parallelism=1, hash_len=32)
    server = tornado.httpserver.HTTPServer(application)
    server.add_sockets(sockets)
    tornado.ioloop.IOLoop.current().start()


main()
