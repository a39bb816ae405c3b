<?php
// A typical implementation in PHP: php-fpm, PDO with a persistent connection, opcache.
declare(strict_types=1);

const OK = 0, INVALID = 1001, KNOWN = 1002, WRONG = 1004;
const MESSAGES = [OK => 'ok', INVALID => '入参非法', KNOWN => '用户已注册，请直接登录', WRONG => '手机号或密码错误'];

function reply(int $code, array $more = []): never
{
    header('Content-Type: application/json; charset=utf-8');
    header('Cache-Control: no-store');
    header('X-Content-Type-Options: nosniff');
    echo json_encode(['data' => ['code' => $code, 'msg' => MESSAGES[$code]] + $more], JSON_UNESCAPED_UNICODE);
    exit;
}

function database(): PDO
{
    return new PDO('mysql:unix_socket=' . getenv('BENCH_SOCKET') . ';dbname=users;charset=utf8mb4', 'users_service',
        trim(file_get_contents(getenv('BENCH_PASSWORD_FILE'))),
        [PDO::ATTR_PERSISTENT => true, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
}

/** The text arguments of these names; ends with 1001 where one is missing. */
function arguments(string ...$names): array
{
    $body = json_decode(file_get_contents('php://input'), true, 8);
    foreach ($names as $name) {
        if (!is_string($body[$name] ?? null)) {
            reply(INVALID, ['fields' => [$name]]);
        }
    }
    return $body;
}

function phone(string $text): string
{
    $digits = preg_replace('/[\s().-]+/', '', $text);
    if (!preg_match('/^(?:\+86)?(1\d{10})$/', $digits, $match)) {
        reply(INVALID, ['fields' => ['phone']]);
    }
    return '+86' . $match[1];
}

function options(): array
{
    return ['memory_cost' => (int) getenv('BENCH_ARGON2_MEMORY'), 'time_cost' => (int) getenv('BENCH_ARGON2_PASSES'),
        'threads' => 1];
}

function regist(): never
{
    $arguments = arguments('phone', 'password', 'code');
    $phone = phone($arguments['phone']);
    if (iconv_strlen($arguments['password'], 'UTF-8') < 8 || !preg_match('/^\d{6}$/', $arguments['code'])) {
        reply(INVALID, ['fields' => ['password']]);
    }
    $database = database();
    $known = $database->prepare('SELECT id FROM users WHERE phone = ?');
    $known->execute([$phone]);
    if ($known->fetch() !== false) {
        reply(KNOWN);
    }
    $hash = password_hash($arguments['password'], PASSWORD_ARGON2ID, options());
    try {
        $database->beginTransaction();
        $database->prepare('INSERT INTO users (phone, password, createTime) VALUES (?, ?, UTC_TIMESTAMP())')
            ->execute([$phone, $hash]);
        $database->prepare('INSERT INTO audit (user_id, event, address, request_id, createTime) VALUES (?, ?, ?, ?, UTC_TIMESTAMP())')
            ->execute([$database->lastInsertId(), 'regist', $_SERVER['REMOTE_ADDR'], $_SERVER['REQUEST_ID']]);
        $database->commit();
    } catch (PDOException $error) {
        $database->rollBack();
        if (($error->errorInfo[1] ?? 0) === 1062) {
            reply(KNOWN);
        }
        throw $error;
    }
    reply(OK);
}

function login(): never
{
    $arguments = arguments('phone', 'password');
    $phone = phone($arguments['phone']);
    $database = database();
    $user = $database->prepare('SELECT id, password FROM users WHERE phone = ?');
    $user->execute([$phone]);
    $row = $user->fetch(PDO::FETCH_ASSOC);
    if ($row === false || !password_verify($arguments['password'], $row['password'])) {
        reply(WRONG);
    }
    $token = rtrim(strtr(base64_encode(random_bytes(32)), '+/', '-_'), '=');
    $database->beginTransaction();
    $database->prepare('INSERT INTO sessions (tokenHash, user_id, createTime, seenTime, expireTime, address, agent) VALUES '
        . '(?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL 30 DAY, ?, ?)')
        ->execute([hash('sha256', $token, true), $row['id'], $_SERVER['REMOTE_ADDR'], 'wrk']);
    $database->prepare('INSERT INTO audit (user_id, event, address, request_id, createTime) VALUES (?, ?, ?, ?, UTC_TIMESTAMP())')
        ->execute([$row['id'], 'login', $_SERVER['REMOTE_ADDR'], $_SERVER['REQUEST_ID']]);
    $database->commit();
    reply(OK, ['id' => (int) $row['id'], 'token' => $token]);
}

/** The session's user, or null. */
function session(PDO $database): ?array
{
    $token = substr($_SERVER['HTTP_AUTHORIZATION'] ?? '', strlen('Bearer '));
    $session = $database->prepare('SELECT u.id, u.phone, u.createTime FROM sessions s JOIN users u ON u.id = s.user_id WHERE '
        . 's.tokenHash = ? AND s.expireTime > UTC_TIMESTAMP() AND s.seenTime > UTC_TIMESTAMP() - INTERVAL 7 DAY AND '
        . 'u.disableTime IS NULL');
    $session->execute([hash('sha256', $token, true)]);
    return $session->fetch(PDO::FETCH_ASSOC) ?: null;
}

function auth(): never
{
    $user = session(database());
    http_response_code($user === null ? 401 : 204);
    if ($user !== null) {
        header('X-User-Id: ' . $user['id']);
        header('X-User-Phone: ' . $user['phone']);
    }
    exit;
}

match ($_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['DOCUMENT_URI']) {
    'POST /users/regist' => regist(),
    'POST /users/login' => login(),
    'GET /users/auth' => auth(),
    default => http_response_code(404),
};
