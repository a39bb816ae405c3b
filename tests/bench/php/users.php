<?php
// As a site writes it in PHP: php-fpm, PDO with a persistent connection, opcache, password_hash() and PHP's own sessions.
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
    start_session($database, session_create_id());
    $_SESSION = ['id' => (int) $row['id'], 'phone' => $phone];
    $token = session_id();
    session_write_close();
    $database->prepare('INSERT INTO audit (user_id, event, address, request_id, createTime) VALUES (?, ?, ?, ?, UTC_TIMESTAMP())')
        ->execute([$row['id'], 'login', $_SERVER['REMOTE_ADDR'], $_SERVER['REQUEST_ID']]);
    reply(OK, ['id' => (int) $row['id'], 'token' => $token]);
}

/** PHP's own sessions, in the database that all of a site's machines share. */
final class Sessions implements SessionHandlerInterface
{
    public function __construct(private PDO $database)
    {
    }

    public function open(string $path, string $name): bool
    {
        return true;
    }

    public function close(): bool
    {
        return true;
    }

    public function read(string $id): string
    {
        $session = $this->database->prepare('SELECT data FROM php.sessions WHERE id = ? AND seenTime > UTC_TIMESTAMP() - INTERVAL 7 DAY');
        $session->execute([$id]);
        return (string) $session->fetchColumn();
    }

    public function write(string $id, string $data): bool
    {
        return $this->database->prepare('REPLACE INTO php.sessions (id, data, seenTime) VALUES (?, ?, UTC_TIMESTAMP())')
            ->execute([$id, $data]);
    }

    public function destroy(string $id): bool
    {
        return $this->database->prepare('DELETE FROM php.sessions WHERE id = ?')->execute([$id]);
    }

    public function gc(int $seconds): int
    {
        return $this->database->exec('DELETE FROM php.sessions WHERE seenTime < UTC_TIMESTAMP() - INTERVAL 7 DAY');
    }
}

function start_session(PDO $database, string $id, bool $only_read = false): void
{
    session_set_save_handler(new Sessions($database));
    session_id($id);
    session_start(['read_and_close' => $only_read, 'use_cookies' => false, 'use_only_cookies' => false, 'cache_limiter' => '']);
}

function auth(): never
{
    $token = substr($_SERVER['HTTP_AUTHORIZATION'] ?? '', strlen('Bearer '));
    if (preg_match('/^[A-Za-z0-9,-]{22,}$/', $token)) {
        start_session(database(), $token, true);
    }
    if (!isset($_SESSION['id'])) {
        http_response_code(401);
        exit;
    }
    http_response_code(204);
    header('X-User-Id: ' . $_SESSION['id']);
    header('X-User-Phone: ' . $_SESSION['phone']);
    exit;
}

match ($_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['DOCUMENT_URI']) {
    'POST /users/regist' => regist(),
    'POST /users/login' => login(),
    'GET /users/auth' => auth(),
    default => http_response_code(404),
};
