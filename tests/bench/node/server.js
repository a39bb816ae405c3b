// A typical implementation in Node: fastify, a pool of the mariadb driver, argon2 in the thread pool, one process per core.
import cluster from 'node:cluster';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

import argon2 from 'argon2';
import fastify from 'fastify';
import mariadb from 'mariadb';

const OK = 0, INVALID = 1001, KNOWN = 1002, WRONG = 1004;
const MESSAGES = { [OK]: 'ok', [INVALID]: '入参非法', [KNOWN]: '用户已注册，请直接登录', [WRONG]: '手机号或密码错误' };
const environment = process.env;
const cost = {
  type: argon2.argon2id, memoryCost: Number(environment.BENCH_ARGON2_MEMORY),
  timeCost: Number(environment.BENCH_ARGON2_PASSES), parallelism: 1,
};

function phoneOf(text) {
  const match = /^(?:\+86)?(1\d{10})$/.exec(text.replace(/[\s().-]+/g, ''));
  return match && '+86' + match[1];
}

function serve() {
  const pool = mariadb.createPool({
    socketPath: environment.BENCH_SOCKET, user: 'users_service', database: 'users', charset: 'utf8mb4',
    password: readFileSync(environment.BENCH_PASSWORD_FILE, 'ascii').trim(),
    connectionLimit: Number(environment.BENCH_CONNECTIONS), insertIdAsNumber: true, bigIntAsNumber: true,
  });
  const app = fastify();

  function answer(reply, code, more) {
    return reply.header('Content-Type', 'application/json; charset=utf-8').header('Cache-Control', 'no-store')
      .header('X-Content-Type-Options', 'nosniff').send({ data: { code, msg: MESSAGES[code], ...more } });
  }
  function missing(body, ...names) {
    return names.filter((name) => typeof body?.[name] !== 'string');
  }
  async function transaction(work) {
    const connection = await pool.getConnection();
    try {
      await connection.beginTransaction();
      await work(connection);
      await connection.commit();
    } catch (error) {
      await connection.rollback();
      throw error;
    } finally {
      connection.release();
    }
  }
  const audit = (connection, id, event, request) => connection.execute(
    'INSERT INTO audit (user_id, event, address, request_id, createTime) VALUES (?, ?, ?, ?, UTC_TIMESTAMP())',
    [id, event, request.headers['x-real-ip'], request.headers['x-request-id'] ?? '-']);

  // curl -d sends JSON as a form.
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    try { done(null, JSON.parse(body)); } catch { done(null, null); }
  });
  app.post('/users/regist', async (request, reply) => {
    const { body } = request;
    const fields = missing(body, 'phone', 'password', 'code');
    const phone = fields.length === 0 && phoneOf(body.phone);
    if (!phone || body.password.length < 8 || !/^\d{6}$/.test(body.code)) return answer(reply, INVALID, { fields });
    if ((await pool.execute('SELECT id FROM users WHERE phone = ?', [phone])).length > 0) return answer(reply, KNOWN);
    const hash = await argon2.hash(body.password, cost);
    try {
      await transaction(async (connection) => {
        const { insertId } = await connection.execute(
          'INSERT INTO users (phone, password, createTime) VALUES (?, ?, UTC_TIMESTAMP())', [phone, hash]);
        await audit(connection, insertId, 'regist', request);
      });
    } catch (error) {
      if (error.errno === 1062) return answer(reply, KNOWN);
      throw error;
    }
    return answer(reply, OK);
  });
  app.post('/users/login', async (request, reply) => {
    const { body } = request;
    const fields = missing(body, 'phone', 'password');
    const phone = fields.length === 0 && phoneOf(body.phone);
    if (!phone) return answer(reply, INVALID, { fields });
    const [user] = await pool.execute('SELECT id, password FROM users WHERE phone = ?', [phone]);
    if (!user || !await argon2.verify(user.password, body.password)) return answer(reply, WRONG);
    const token = randomBytes(32).toString('base64url');
    await transaction(async (connection) => {
      await connection.execute(
        'INSERT INTO sessions (tokenHash, user_id, createTime, seenTime, expireTime, address, agent) VALUES '
        + '(?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL 30 DAY, ?, ?)',
        [createHash('sha256').update(token).digest(), user.id, request.headers['x-real-ip'], 'wrk']);
      await audit(connection, user.id, 'login', request);
    });
    return answer(reply, OK, { id: user.id, token });
  });
  app.get('/users/auth', async (request, reply) => {
    const token = (request.headers.authorization ?? '').slice('Bearer '.length);
    const [user] = await pool.execute(
      'SELECT u.id, u.phone FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.tokenHash = ? AND '
      + 's.expireTime > UTC_TIMESTAMP() AND s.seenTime > UTC_TIMESTAMP() - INTERVAL 7 DAY AND u.disableTime IS NULL',
      [createHash('sha256').update(token).digest()]);
    if (!user) return reply.code(401).send();
    return reply.code(204).header('X-User-Id', user.id).header('X-User-Phone', user.phone).send();
  });
  app.listen({ path: environment.BENCH_LISTEN });
}

if (cluster.isPrimary) {
  for (let i = 0; i < Number(environment.BENCH_WORKERS); ++i) cluster.fork();
} else {
  serve();
}
