// The table of keys: what the configuration can contain, and how to set each value.
#include <algorithm>
#include <type_traits>

#include "base/config.hpp"
#include "base/config_values.hpp"
#include "base/text.hpp"

namespace users {
namespace {

void expect(bool is_good, const std::string& expected) {
  if (!is_good) throw std::invalid_argument(expected);
}

template <auto Member>
void set_text(Config& config, std::string_view value) {
  expect(!value.empty() && is_text(value), "a text that is not empty");
  config.*Member = value;
}

template <auto Member, unsigned Least, unsigned Most>
void set_number(Config& config, std::string_view value) {
  const auto number = read_number(value, Least, Most);
  expect(number.has_value(),
         "a whole number from " + std::to_string(Least) + " to " + std::to_string(Most));
  config.*Member = *number;
}

/// `Names` are the words for the enumerators, in the same order.
template <auto Member, const auto& Names>
void set_word(Config& config, std::string_view value) {
  std::string expected = "one of:";
  for (const std::string_view name : Names) expected.append(" ").append(name);
  const auto index = std::ranges::find(Names, value) - std::begin(Names);
  expect(index < std::ssize(Names), expected);
  config.*Member = static_cast<std::remove_reference_t<decltype(config.*Member)>>(index);
}

void set_hosts(Config& config, std::string_view value) {
  config.database_hosts = split(value, ',');
  expect(std::ranges::all_of(config.database_hosts,
                             [](const auto& host) { return parse_host(host).has_value(); }),
         "socket paths, hosts or host:port with a port from 1 to 65535, separated by commas");
}

void set_region(Config& config, std::string_view value) {
  expect(is_region(value), "a region of two capital letters (ISO 3166-1), such as CN");
  config.phone_default_region = value;
}

constexpr std::string_view kNone = "none";

void set_origin(Config& config, std::string_view value) {
  expect(value == kNone || is_host_name(value),
         "the host of the site's pages in small letters, as example.org, or none");
  config.sms_origin = value == kNone ? "" : value;
}

constexpr std::string_view kHome = "default_region";

void set_countries(Config& config, std::string_view value) {
  config.sms_countries = value == kHome ? std::vector<std::string>() : split(value, ',');
  expect(std::ranges::all_of(config.sms_countries, is_region),
         "regions of two capital letters (ISO 3166-1), separated by commas, such as CN, HK, or "
         "default_region");
}

constexpr std::string_view kSiteHost = "site_host";

/// Whether it is a text of 1 to 64 characters.
bool is_short_text(std::string_view value) {
  constexpr std::size_t kLongest = 64;
  return !value.empty() && is_text(value) && count_code_points(value) <= kLongest;
}

void set_issuer(Config& config, std::string_view value) {
  expect(is_short_text(value) && value.find(':') == std::string_view::npos,
         "a text of 1 to 64 characters without a colon, or site_host");
  config.totp_issuer = value == kSiteHost ? "" : value;
}

/// Browsers take a host for an IPv4 address if its last label is a number (URL Standard).
bool ends_in_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  const std::string_view digits = last.starts_with("0x") ? "0123456789abcdef" : "0123456789";
  return last.substr(last.starts_with("0x") ? 2 : 0).find_first_not_of(digits) ==
         std::string_view::npos;
}

/// A name with a dot that no browser takes for an address.
bool is_domain(std::string_view value) {
  return is_host_name(value) && value.find('.') != std::string_view::npos && !ends_in_number(value);
}

void set_cookie_domain(Config& config, std::string_view value) {
  expect(value == kNone || is_domain(value),
         "a domain in small letters, without a dot in front, such as example.org, or none");
  config.session_cookie_domain = value == kNone ? "" : value;
}

void set_identity_issuer(Config& config, std::string_view value) {
  expect(is_short_text(value), "a text of 1 to 64 characters, or site_host");
  config.identity_issuer = value == kSiteHost ? "" : value;
}

void set_rp_id(Config& config, std::string_view value) {
  expect(
      value == kNone || value == "localhost" || is_domain(value),
      "the site's domain in small letters, without https:// and port, as example.org; localhost; "
      "or none");
  config.passkey_rp_id = value == kNone ? "" : value;
}

constexpr std::string_view kOfRpId = "rp_id";

void set_origins(Config& config, std::string_view value) {
  config.passkey_origins = value == kOfRpId ? std::vector<std::string>() : split(value, ',');
  expect(std::ranges::all_of(config.passkey_origins, is_origin),
         "origins as browsers write them, in small letters, without a path and without :443, "
         "separated by commas: https://HOST, https://HOST:PORT, or http://localhost:PORT");
}

void set_passkey_name(Config& config, std::string_view value) {
  expect(is_short_text(value), "a text of 1 to 64 characters, or rp_id");
  config.passkey_name = value == kOfRpId ? "" : value;
}

constexpr std::string_view kVerification[] = {"issued", "format"};
constexpr std::string_view kRegistrations[] = {"open", "closed"};
constexpr std::string_view kNoYes[] = {"no", "yes"};
constexpr std::string_view kTls[] = {"off", "verify"};
constexpr std::string_view kSessionReads[] = {"causal", "local"};
constexpr std::string_view kRegistStatus[] = {"tutorial", "by_code"};
constexpr std::string_view kLogLevel[] = {"debug", "info", "warning", "error"};

using C = Config;
constexpr ConfigKey kKeys[] = {
    {"verification", "issued",
     "How POST regist checks its code. issued: it must be a code that was sent to the phone. "
     "format: any six digits pass, so nobody proves a number; this is for development and for "
     "clients of the tutorial. Codes for anything else must always have been sent.",
     set_word<&C::verification, kVerification>},
    {"registration", "open",
     "closed: POST regist, and a code for it, are refused with 1012. Existing accounts are not "
     "affected.",
     set_word<&C::registration, kRegistrations>},
    {"regist_status", "tutorial",
     "HTTP status of POST regist. tutorial: 200 for every code 10xx, as the tutorial's clients "
     "expect. by_code: the status of the code, as on every other endpoint.",
     set_word<&C::regist_status, kRegistStatus>},
    {"database.hosts", "/run/mysqld/mysqld.sock",
     "Database servers, separated by commas: socket paths, or host or host:port. On a cluster "
     "these are the nodes. List this machine's own node first. Workers fail over to the next node "
     "while it is down and return when it is back.",
     set_hosts},
    {"database.name", "users", "The database's name.", set_text<&C::database_name>},
    {"database.user", "users_service",
     "The account of the workers. It needs SELECT, INSERT, UPDATE and DELETE, nothing more.",
     set_text<&C::database_user>},
    {"database.password_file", "/etc/users-fcgi/database_password",
     "File with that account's password, mode 0600.", set_text<&C::database_password_file>},
    {"database.migration_user", "users_migrations",
     "The account of users-ctl migrate, which creates and alters tables.",
     set_text<&C::database_migration_user>},
    {"database.migration_password_file", "/etc/users-fcgi/migration_password",
     "File with that account's password, mode 0600. The workers do not read it.",
     set_text<&C::database_migration_password_file>},
    {"database.migrations", "/usr/share/users-fcgi/migrations",
     "Folder of the migrations, NNNN_what.sql.", set_text<&C::database_migrations>},
    {"database.tls", "off",
     "verify: every server of hosts that is not a socket must speak TLS, with a certificate that a "
     "CA of tls_ca signed for the name or address in hosts; otherwise it is not used. off: no TLS, "
     "for sockets and loopback. Over a network, phones and password hashes could then be read.",
     set_word<&C::database_tls, kTls>},
    {"database.tls_ca", "/etc/ssl/certs/ca-certificates.crt",
     "File with the certificates of the CAs that may sign the servers' certificates, PEM.",
     set_text<&C::database_tls_ca>},
    {"database.session_reads", "causal",
     "How the token of a request is looked up on a cluster. causal: the node waits until it has "
     "everything that all nodes have acknowledged, so a session that has ended is unknown "
     "everywhere at once. local: the node does not wait, which is faster, but another host may "
     "accept an ended session until its node has caught up. On a single server both are the same.",
     set_word<&C::database_session_reads, kSessionReads>},
    {"database.connect_timeout", "2", "Seconds to wait for a connection, 1 to 60.",
     set_number<&C::database_connect_timeout, 1, 60>},
    {"database.read_timeout", "10",
     "Seconds to wait for an answer, 1 to 600. With less than 8, the stall of a cluster that loses "
     "a node turns into lost connections.",
     set_number<&C::database_read_timeout, 1, 600>},
    {"database.write_timeout", "10", "Seconds to wait while sending, 1 to 600.",
     set_number<&C::database_write_timeout, 1, 600>},
    {"log.directory", "/var/log/users",
     "Folder of the log: one file a day, users.log.YYYYMMDD, and users.log, a link to today's. The "
     "package's units may only write to the default folder. For another one, add ReadWritePaths= "
     "to users-fcgi-hash and users-fcgi-fast (systemctl edit). The courier's unit sets its own "
     "folder.",
     set_text<&C::log_directory>},
    {"log.level", "info", "The lowest level that is logged: debug, info, warning or error.",
     set_word<&C::log_level, kLogLevel>},
    {"log.keep_days", "30", "Files of the log that are kept besides today's, 1 to 3650.",
     set_number<&C::log_keep_days, 1, 3650>},
    {"metrics.file", "/run/users-fcgi-metrics/metrics",
     "File that workers and couriers share: their counters and what each is doing, so that any of "
     "them can answer for all. Put it on a file system in memory; its content is not needed after "
     "a restart of the machine.",
     set_text<&C::metrics_file>},
    {"worker.request_limit", "45",
     "Seconds after which a worker that is still in the same request is killed by another, 1 to "
     "3600. A transaction takes at most 10 seconds of retries and then database.read_timeout; "
     "nginx gives up after 30.",
     set_number<&C::worker_request_limit, 1, 3600>},
    {"secrets.key_file", "/etc/users-fcgi/key",
     "File with the key of the keyed hashes, 32 random bytes as 64 hexadecimal digits, mode 0600. "
     "A new key voids every session, code and retry key, and makes every authenticator app, "
     "recovery code and passkey useless.",
     set_text<&C::secrets_key_file>},
    {"session.cookie_secure", "yes",
     "yes: the cookie is called __Host-users and is sent over HTTPS only. no: it is called users "
     "and is sent over HTTP, for development.",
     set_word<&C::session_cookie_secure, kNoYes>},
    {"session.absolute_days", "30", "Days after which a session ends in any case, 1 to 365.",
     set_number<&C::session_absolute_days, 1, 365>},
    {"session.idle_days", "7", "Days without use after which a session ends, 1 to 365.",
     set_number<&C::session_idle_days, 1, 365>},
    {"session.per_account", "50",
     "Sessions that an account can have at the same time, 1 to 1000. One more login ends the "
     "session that has not been used for longest.",
     set_number<&C::session_per_account, 1, 1000>},
    {"session.fresh_minutes", "10",
     "Minutes after a login or POST confirm in which a session may change the account's second "
     "factors, and if it has one also password, phone and the account itself, 1 to 60. After that "
     "the user must confirm first (1014).",
     set_number<&C::session_fresh_minutes, 1, 60>},
    {"session.cookie_domain", kNone,
     "Domain whose hosts share the cookie, such as example.org: one login for all of them. The "
     "cookie is then called users, and every host below the domain gets it and can set it "
     "(nginx/README.md says what that costs). none: only the host that set it gets the cookie.",
     set_cookie_domain},
    {"identity.sign", "no",
     "yes: backends also get X-User-Jwt, a signed token that says who the user is. They verify it "
     "with the keys of /users/jwks.json (nginx/README.md).",
     set_word<&C::identity_sign, kNoYes>},
    {"identity.issuer", kSiteHost,
     "Who signs, as backends expect it in the claim iss. site_host: https:// and the host that "
     "the browser shows.",
     set_identity_issuer},
    {"identity.key_days", "90",
     "Days after which the courier makes a new key, 1 to 3650. It is published an hour before it "
     "signs.",
     set_number<&C::identity_key_days, 1, 3650>},
    {"totp.issuer", kSiteHost,
     "Name under which authenticator apps list the account, up to 64 characters, without a colon. "
     "site_host: the host that the browser shows, such as www.example.org.",
     set_issuer},
    {"passkey.rp_id", kNone,
     "Domain that passkeys are made for: the site's own, or one above it, such as example.org. If "
     "it changes, every passkey becomes useless; users-ctl doctor counts them. none: the site has "
     "no passkeys.",
     set_rp_id},
    {"passkey.origins", kOfRpId,
     "Origins whose pages may use passkeys, separated by commas. Their hosts are rp_id or below "
     "it. "
     "rp_id: https:// and rp_id.",
     set_origins},
    {"passkey.name", kOfRpId, "The site's name, which devices show, up to 64 characters.",
     set_passkey_name},
    {"sms.command", "/etc/users-fcgi/send-sms",
     "Program that sends one message: it gets JSON on standard input and exits with 0 if it was "
     "sent, 75 to try again later, anything else if it failed.",
     set_text<&C::sms_command>},
    {"sms.user", "users-fcgi-courier",
     "System user that runs the courier and its program, as in the unit. If there is no such user, "
     "the service's own user does. The provider's secrets belong to this user, so the workers "
     "cannot read them.",
     set_text<&C::sms_user>},
    {"sms.timeout", "15", "Seconds that the program may take, 1 to 300.",
     set_number<&C::sms_timeout, 1, 300>},
    {"sms.attempts", "5", "Attempts to send a message before the courier gives up, 1 to 20.",
     set_number<&C::sms_attempts, 1, 20>},
    {"sms.per_hour", "1000",
     "Messages an hour of the whole service, 1 to 1000000. It limits what an attack with many "
     "phones can cost.",
     set_number<&C::sms_per_hour, 1, 1000000>},
    {"sms.origin", kNone,
     "Host of the site's pages, such as example.org. Messages then end with the line @HOST #CODE, "
     "and phones offer the code on that site only. none: no such line.",
     set_origin},
    {"sms.countries", kHome,
     "Regions (ISO 3166-1) whose numbers get messages, separated by commas. Any other number "
     "gets no code, since SMS fraud uses foreign numbers. default_region: only that "
     "of phone.default_region.",
     set_countries},
    {"phone.default_region", "CN",
     "Region of numbers that are written without a country code (ISO 3166-1, two letters).",
     set_region},
    {"password.min_length", "8",
     "Minimum length of a password in code points, 8 to 15. NIST SP 800-63B-4 asks for 15 where "
     "the password is the only factor.",
     set_number<&C::password_min_length, 8, 15>},
    {"password.argon2_memory", "19456",
     "Memory of one hash in KiB, 64 to 1048576. The default is OWASP's recommendation.",
     set_number<&C::password_argon2_memory, 64, 1048576>},
    {"password.argon2_passes", "2", "Passes of argon2id over its memory, 1 to 100.",
     set_number<&C::password_argon2_passes, 1, 100>},
    {"password.service_name", "users",
     "The service's name as people know it. It is refused as a password.",
     set_text<&C::password_service_name>},
};

}  // namespace

std::span<const ConfigKey> config_keys() {
  return kKeys;
}

}  // namespace users
