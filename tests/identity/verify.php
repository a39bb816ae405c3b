<?php
// A backend in PHP, without libraries: verify.php URL ISSUER AUDIENCE. Reads and prints what verify.py does.
declare(strict_types=1);

function decoded(string $text): string
{
    return sodium_base642bin($text, SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
}

/** Returns the claims. Throws if they are not signed, or not for this site now. */
function verified(string $token, array $keys, string $issuer, string $audience): array
{
    $parts = explode('.', $token);
    if (count($parts) !== 3) {
        throw new RuntimeException('no token');
    }
    $head = json_decode(decoded($parts[0]), true, 8, JSON_THROW_ON_ERROR);
    $key = $keys[$head['kid'] ?? ''] ?? throw new RuntimeException('unknown key');
    if (($head['alg'] ?? '') !== 'EdDSA'
        || !sodium_crypto_sign_verify_detached(decoded($parts[2]), "$parts[0].$parts[1]", $key)) {
        throw new RuntimeException('wrong signature');
    }
    $claims = json_decode(decoded($parts[1]), true, 8, JSON_THROW_ON_ERROR);
    if ($claims['iss'] !== $issuer || $claims['aud'] !== $audience) {
        throw new RuntimeException('for another site');
    }
    if ($claims['exp'] <= time()) {
        throw new RuntimeException('expired');
    }
    return $claims;
}

[, $url, $issuer, $audience] = $argv;
$keys = [];
$read = PHP_INT_MIN;
while (($line = fgets(STDIN)) !== false) {
    [$seconds, $token] = explode(' ', trim($line));
    $now = time() + (int) $seconds;
    if ($now - 300 >= $read) { // as long as Cache-Control says
        $keys = [];
        foreach (json_decode(file_get_contents($url), true, 8, JSON_THROW_ON_ERROR)['keys'] as $key) {
            $keys[$key['kid']] = decoded($key['x']);
        }
        $read = $now;
    }
    try {
        $user = verified($token, $keys, $issuer, $audience)['sub'];
        echo "ok $user\n";
    } catch (Exception $error) {
        echo 'refused: ', $error->getMessage(), "\n";
    }
}
