// better-auth as its manual sets it up: its own tables in MariaDB, the plugins bearer and phone-number, two processes.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import argon2 from 'argon2';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { bearer, phoneNumber } from 'better-auth/plugins';
import { createPool } from 'mysql2/promise';

const environment = process.env;
// Its default is scrypt; with argon2 of the same cost as all, the comparison is of the rest.
const cost = {
  type: argon2.argon2id, memoryCost: Number(environment.BENCH_ARGON2_MEMORY),
  timeCost: Number(environment.BENCH_ARGON2_PASSES), parallelism: 1,
};
const auth = betterAuth({
  secret: 'a secret of the bench, which nobody else uses',
  baseURL: 'http://127.0.0.1',
  telemetry: { enabled: false },
  logger: { level: 'error' },
  rateLimit: { enabled: false },
  database: createPool({
    socketPath: environment.BENCH_SOCKET, user: 'users_service', database: 'better_auth', timezone: 'Z',
    password: readFileSync(environment.BENCH_PASSWORD_FILE, 'ascii').trim(),
    connectionLimit: Number(environment.BENCH_CONNECTIONS) * 2,
  }),
  emailAndPassword: {
    enabled: true, autoSignIn: false,
    password: {
      hash: (password) => argon2.hash(password, cost),
      verify: ({ hash, password }) => argon2.verify(hash, password),
    },
  },
  plugins: [bearer(), phoneNumber({ sendOTP: () => {} })],
});

if (cluster.isPrimary) {
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  for (let i = 0; i < 2; ++i) cluster.fork();
  process.on('SIGTERM', () => process.exit(0));
} else {
  createServer(toNodeHandler(auth)).listen(environment.BENCH_LISTEN);
}
