// Sessions by cookie: the cookie's attributes, and that only the site's own pages can change
// anything with it.
#include <set>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/worker_process.hpp"

using namespace users::test;

namespace {

constexpr const char* kNewPassword = "another horse 7";
const std::string kMonth = std::to_string(30 * 24 * 60 * 60);

std::string own_origin() {
  return "Origin: " + origin();
}

/// The parts of a Set-Cookie header; the first is NAME=value.
std::vector<std::string> parts_of(const std::string& set_cookie) {
  std::vector<std::string> parts;
  std::istringstream text(set_cookie);
  for (std::string part; std::getline(text, part, ';');) {
    parts.push_back(part.substr(std::min(part.find_first_not_of(' '), part.size())));
  }
  return parts;
}

std::set<std::string> attributes_of(const std::string& set_cookie) {
  const auto parts = parts_of(set_cookie);
  return {parts.begin() + (parts.empty() ? 0 : 1), parts.end()};
}

/// NAME=value, as a browser sends it back.
std::string cookie_in(const HttpReply& reply) {
  const auto parts = parts_of(reply.header("set-cookie"));
  return parts.empty() ? "" : parts.front();
}

void check_taken_away(const HttpReply& reply, const std::string& name = "users") {
  BOOST_TEST(cookie_in(reply) == name + "=");
  BOOST_TEST(attributes_of(reply.header("set-cookie")).contains("Max-Age=0"));
  // A browser only deletes a cookie with the same path.
  BOOST_TEST(attributes_of(reply.header("set-cookie")).contains("Path=/"));
}

struct Fixture {
  Person person;

  Fixture() { person.regist(); }

  [[nodiscard]] HttpReply login(const std::vector<std::string>& headers = {}) const {
    return post("login",
                {{"phone", person.phone()}, {"password", person.password()}, {"cookie", true}},
                headers);
  }

  /// "Cookie: users=..." of a new session.
  [[nodiscard]] std::string cookie() const { return "Cookie: " + cookie_in(login()); }

  [[nodiscard]] std::string id() const { return id_of(person); }

  /// Everything that a change could touch: the account, its sessions, the counters.
  [[nodiscard]] static std::string state_of(const std::string& id, const std::string& e164) {
    return query("SELECT CONCAT_WS(' ', phone, password) FROM users WHERE id = " + id) + " " +
           query("SELECT GROUP_CONCAT(id ORDER BY id) FROM sessions WHERE user_id = " + id) + " " +
           query("SELECT COUNT(*) FROM throttle WHERE bucket LIKE 'login:%" + e164 +
                 "' OR bucket LIKE 'guess:%" + e164 + "'") +
           " " + query("SELECT COUNT(*) FROM audit WHERE user_id = " + id);
  }
};

bool lets_in(const std::string& cookie) {
  return call("GET", "me", "", {cookie}).status == 200;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cookie, Fixture, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(a_login_with_cookie_gives_the_token_to_the_browser_only) {
  const HttpReply reply = login();
  BOOST_TEST(reply.code() == 0);
  const std::string cookie = cookie_in(reply);
  BOOST_TEST(cookie.starts_with("users="));
  const std::string token = cookie.substr(cookie.find('=') + 1);
  BOOST_TEST(token.size() == 43U);
  BOOST_TEST(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-_") == std::string::npos);
  // No Secure, by conf/development.conf. No Domain: the cookie is for this host only.
  BOOST_TEST(attributes_of(reply.header("set-cookie")) ==
                 (std::set<std::string>{"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=" + kMonth}),
             boost::test_tools::per_element());
  BOOST_TEST(!reply.has("token"));
  BOOST_TEST(reply.body.find(token) == std::string::npos);
  BOOST_TEST(std::to_string(reply.number("id")) == id());
  BOOST_TEST(reply.text("expires_at").size() == 20U);
  BOOST_TEST(lets_in("Cookie: " + cookie));
  // The same kind of token.
  BOOST_TEST(call("GET", "auth", token).status == 204);
  const HttpReply by_code =
      post("login", {{"phone", person.phone()}, {"code", person.code("login")}, {"cookie", true}});
  BOOST_TEST(lets_in("Cookie: " + cookie_in(by_code)));
  BOOST_TEST(!by_code.has("token"));
}

BOOST_AUTO_TEST_CASE(without_asking_for_it_there_is_no_cookie) {
  BOOST_TEST(person.login().header("set-cookie").empty());
  const HttpReply no = post(
      "login", {{"phone", person.phone()}, {"password", person.password()}, {"cookie", false}});
  BOOST_TEST(no.header("set-cookie").empty());
  BOOST_TEST(no.has("token"));
  const HttpReply wrong =
      post("login", {{"phone", person.phone()}, {"password", kNewPassword}, {"cookie", true}});
  BOOST_TEST(wrong.code() == 1004);
  BOOST_TEST(wrong.header("set-cookie").empty());
}

BOOST_AUTO_TEST_CASE(reading_by_cookie_needs_no_origin) {
  const std::string mine = cookie();
  for (const std::string header :
       {"X-Nothing: x", "Origin: https://evil.invalid", "Sec-Fetch-Site: cross-site"}) {
    BOOST_TEST(call("GET", "me", "", {mine, header}).status == 200);
    BOOST_TEST(call("GET", "sessions", "", {mine, header}).status == 200);
    BOOST_TEST(call("GET", "auth", "", {mine, header}).status == 204);
  }
}

BOOST_AUTO_TEST_CASE(a_foreign_page_changes_nothing) {
  const std::string mine = cookie();
  const std::string other = person.token();
  const std::string account = id();
  Person next;
  const std::string code = next.code("phone");
  const std::string other_session =
      query("SELECT MAX(id) FROM sessions WHERE user_id = " + account);
  const std::string host = origin().substr(std::string("http://").size());
  // Sec-Fetch-Site wins over a correct origin.
  std::vector<std::vector<std::string>> foreign{{},
                                                {"Origin: https://evil.invalid", own_origin()},
                                                {"Sec-Fetch-Site: cross-site", own_origin()}};
  for (const std::string& header :
       {std::string("Origin: https://evil.invalid"), std::string("Origin: null"),
        std::string("Origin: http://127.0.0.2"), std::string("Origin: http://127.0.0.1:1"),
        "Origin: http://" + host + ".evil.invalid", "Origin: http://evil.invalid/" + host,
        "Origin: http://x@" + host, "Origin: " + host, "Origin: ://" + host + "/",
        std::string("Sec-Fetch-Site: cross-site"), std::string("Sec-Fetch-Site: same-site"),
        std::string("Sec-Fetch-Site: none"), std::string("Sec-Fetch-Site: Same-Origin"),
        "Referer: " + origin() + "/"}) {
    foreign.push_back({header});
  }
  struct Change {
    const char* method;
    std::string endpoint;
    Arguments arguments;
  };
  const std::vector<Change> changes{
      {"POST", "logout", {}},
      {"POST", "logout", {{"all", true}}},
      {"POST", "password", {{"old_password", person.password()}, {"password", kNewPassword}}},
      {"POST", "phone", {{"phone", next.phone()}, {"code", code}, {"password", person.password()}}},
      {"DELETE", "me", {{"password", person.password()}}},
      {"DELETE", "sessions/" + other_session, {}},
  };
  const std::string before = state_of(account, person.e164());
  for (const Change& change : changes) {
    for (auto headers : foreign) {
      BOOST_TEST_CONTEXT(change.method << " " << change.endpoint << " "
                                       << (headers.empty() ? "" : headers.front())) {
        headers.push_back(mine);
        const HttpReply reply =
            call(change.method, change.endpoint, "", headers, body_of(change.arguments));
        BOOST_TEST(reply.status == 401);
        BOOST_TEST(reply.code() == 1009);
        BOOST_TEST(reply.header("set-cookie").empty());
        BOOST_TEST(state_of(account, person.e164()) == before);
      }
    }
  }
  BOOST_TEST(query("SELECT tries FROM verification_codes WHERE phone = '" + next.e164() + "'") ==
             "0");
  BOOST_TEST(call("GET", "auth", other).status == 204);
  // They were refused only because of their origin: from here they all work.
  for (const Change& change : {changes[5], changes[2]}) {
    BOOST_TEST(
        call(change.method, change.endpoint, "", {mine, own_origin()}, body_of(change.arguments))
            .code() == 0);
  }
}

BOOST_AUTO_TEST_CASE(the_sites_own_pages_change_everything) {
  for (const std::string& own : {own_origin(), std::string("Sec-Fetch-Site: same-origin")}) {
    BOOST_TEST_CONTEXT(own) {
      Person someone;
      someone.regist();
      const auto cookie_with = [&](const std::string& password) {
        return "Cookie: " + cookie_in(post("login", {{"phone", someone.phone()},
                                                     {"password", password},
                                                     {"cookie", true}}));
      };
      const auto change = [&](const std::string& by, const std::string& method,
                              const std::string& endpoint, const Arguments& arguments) {
        return call(method, endpoint, "", {by, own}, body_of(arguments));
      };
      const std::string first = cookie_with(someone.password());
      const HttpReply logout = change(first, "POST", "logout", {});
      BOOST_TEST(logout.code() == 0);
      check_taken_away(logout);
      BOOST_TEST(!lets_in(first));

      const std::string second = cookie_with(someone.password());
      const std::string other = someone.token();
      const std::string other_id = query("SELECT MAX(id) FROM sessions");
      const HttpReply ended = change(second, "DELETE", "sessions/" + other_id, {});
      BOOST_TEST(ended.code() == 0);
      BOOST_TEST(ended.header("set-cookie").empty());
      BOOST_TEST(call("GET", "auth", other).status == 401);

      BOOST_TEST(change(second, "POST", "password",
                        {{"old_password", someone.password()}, {"password", kNewPassword}})
                     .code() == 0);
      BOOST_TEST(lets_in(second));

      Person next;
      BOOST_TEST(
          change(
              second, "POST", "phone",
              {{"phone", next.phone()}, {"code", next.code("phone")}, {"password", kNewPassword}})
              .code() == 0);
      BOOST_TEST(call("GET", "me", "", {second}).text("phone") == next.e164());

      const HttpReply gone = change(second, "DELETE", "me", {{"password", kNewPassword}});
      BOOST_TEST(gone.code() == 0);
      check_taken_away(gone);
      BOOST_TEST(count_users(next.e164()) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(ending_the_own_session_takes_the_cookie_away) {
  const std::string mine = cookie();
  const std::string number = query("SELECT MAX(id) FROM sessions WHERE user_id = " + id());
  check_taken_away(call("DELETE", "sessions/" + number, "", {mine, own_origin()}));
  BOOST_TEST(!lets_in(mine));

  const std::string everywhere = cookie();
  const std::string other = cookie();
  check_taken_away(call("POST", "logout", "", {everywhere, own_origin()}, R"({"all":true})"));
  BOOST_TEST(!lets_in(everywhere));
  BOOST_TEST(!lets_in(other));

  // A client with a token has no cookie to delete.
  BOOST_TEST(call("POST", "logout", person.token()).header("set-cookie").empty());
}

BOOST_AUTO_TEST_CASE(a_foreign_page_logs_nobody_in) {
  const std::string account = id();
  const std::string before = state_of(account, person.e164());
  std::vector<std::vector<std::string>> all{{"Sec-Fetch-Site: cross-site", own_origin()}};
  for (const char* header : {"Origin: https://evil.invalid", "Origin: null", "Sec-Fetch-Site: none",
                             "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"}) {
    all.push_back({header});
  }
  for (const auto& foreign : all) {
    BOOST_TEST_CONTEXT(foreign.front()) {
      const HttpReply reply = login(foreign);
      BOOST_TEST(reply.status == 400);
      BOOST_TEST(reply.code() == 1001);
      BOOST_TEST(reply.fields() == "origin");
      BOOST_TEST(reply.header("set-cookie").empty());
      // Headers that a form on another site can send.
      auto headers = foreign;
      headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
      const HttpReply form = send(
          base_url(), {.path = "/users/login",
                       .body = "phone=" + person.phone() + "&password=correct+horse+42&cookie=true",
                       .headers = headers});
      BOOST_TEST(form.code() == 1001);
      BOOST_TEST(form.header("set-cookie").empty());
      BOOST_TEST(state_of(account, person.e164()) == before);
    }
  }
  BOOST_TEST(login({own_origin()}).code() == 0);
  BOOST_TEST(login({"Sec-Fetch-Site: same-origin"}).code() == 0);
}

BOOST_AUTO_TEST_CASE(a_foreign_page_sends_no_message_and_guesses_nothing) {
  Person next;
  const std::string code = next.code("regist");
  const std::string reset = person.code("reset");
  const std::string third = fresh_phone();
  // Only rows of these phones: the courier deletes expired rows of others.
  const std::string phones =
      " IN ('" + person.e164() + "', '" + next.e164() + "', '+86" + third + "')";
  const std::string rows =
      "SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM outbox WHERE nextTime > UTC_TIMESTAMP() - "
      "INTERVAL 1 DAY"
      "), (SELECT COUNT(*) FROM users WHERE phone" +
      phones +
      "), (SELECT CONCAT_WS(' ', COUNT(*), SUM(tries)) FROM verification_codes WHERE phone" +
      phones + "), (SELECT SUM(used) FROM throttle WHERE SUBSTRING_INDEX(bucket, ':', -1)" +
      phones + " OR bucket LIKE 'sms-hour%'))";
  const std::vector<std::pair<std::string, Arguments>> orders{
      {"code", {{"phone", third}}},
      {"regist", {{"phone", next.phone()}, {"password", kNewPassword}, {"code", code}}},
      {"reset", {{"phone", person.phone()}, {"password", kNewPassword}, {"code", reset}}},
      {"login", {{"phone", person.phone()}, {"password", "wrong"}}},
      {"login", {{"phone", person.phone()}, {"code", "000000"}}}};
  for (const auto& [endpoint, arguments] : orders) {
    for (const std::string from :
         {"Origin: https://evil.invalid", "Origin: null", "Origin: http://localhost:1",
          "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"}) {
      for (const char* type : {"text/plain", "application/json", "multipart/form-data"}) {
        BOOST_TEST_CONTEXT(endpoint << " " << from << " " << type) {
          const std::string before = query(rows);
          const HttpReply reply =
              call("POST", endpoint, "", {from, std::string("Content-Type: ") + type},
                   body_of(arguments));
          BOOST_TEST(reply.code() == 1001);
          BOOST_TEST(reply.fields() == "origin");
          BOOST_TEST(reply.status == (endpoint == "regist" ? 200 : 400));
          BOOST_TEST(query(rows) == before);
        }
      }
    }
  }
  // They were refused only because of their origin: requests without one and own pages work.
  BOOST_TEST(call("POST", "code", "", {own_origin()}, body_of(orders[0].second)).code() == 0);
  BOOST_TEST(call("POST", "regist", "", {"Sec-Fetch-Site: same-origin"}, body_of(orders[1].second))
                 .code() == 0);
  BOOST_TEST(call("POST", "reset", "", {}, body_of(orders[2].second)).code() == 0);
}

BOOST_AUTO_TEST_CASE(an_authorization_header_of_another_scheme_is_the_sites_own) {
  const std::string mine = cookie();
  for (const std::string header :
       {"Authorization: Basic dXNlcnM6dXNlcnM=", "Authorization: Digest x", "Authorization: x",
        "Authorization: Bearerx", "Authorization: Negotiate"}) {
    BOOST_TEST_CONTEXT(header) {
      BOOST_TEST(call("GET", "me", "", {mine, header}).code() == 0);
      BOOST_TEST(call("GET", "auth", "", {mine, header}).status == 204);
      BOOST_TEST(send(base_url(), {.method = "GET", .path = "/private/", .headers = {mine, header}})
                     .status == 200);
      // It is a cookie all the same, so the origin counts.
      BOOST_TEST(call("POST", "logout", "", {mine, header}).code() == 1009);
    }
  }
  BOOST_TEST(lets_in(mine));
}

BOOST_AUTO_TEST_CASE(an_authorization_header_beside_a_cookie_decides_alone) {
  const std::string mine = cookie();
  for (const std::string& header :
       {std::string("Authorization: Bearer x"), "Authorization: Bearer " + std::string(43, 'A'),
        std::string("Authorization: Bearer")}) {
    BOOST_TEST_CONTEXT(header) {
      BOOST_TEST(call("GET", "me", "", {mine, header}).code() == 1009);
      BOOST_TEST(call("GET", "auth", "", {mine, header}).status == 401);
      BOOST_TEST(send(base_url(), {.method = "GET", .path = "/private/", .headers = {mine, header}})
                     .status == 401);
      BOOST_TEST(call("POST", "logout", "", {mine, header, own_origin()}).code() == 1009);
    }
  }
  BOOST_TEST(lets_in(mine));
  // With another person's token it is that person, and a token needs no origin.
  Person other;
  other.regist();
  const std::string theirs = other.token();
  BOOST_TEST(call("GET", "me", theirs, {mine}).text("phone") == other.e164());
  const HttpReply logout = call("POST", "logout", theirs, {mine});
  BOOST_TEST(logout.code() == 0);
  BOOST_TEST(logout.header("set-cookie").empty());
  BOOST_TEST(lets_in(mine));
  BOOST_TEST(call("GET", "auth", theirs).status == 401);
}

BOOST_AUTO_TEST_CASE(the_cookie_is_found_among_others_and_nothing_else_is_one) {
  const std::string header = cookie();
  const std::string pair = header.substr(header.find(' ') + 1);
  const std::string token = pair.substr(pair.find('=') + 1);
  for (const std::string& good :
       {pair, "a=b; " + pair + "; c=d", "a=b;" + pair + ";c=d", "a; ;=; " + pair + ";",
        "users2=x; " + pair, "__Host-users=x; " + pair}) {
    BOOST_TEST(lets_in("Cookie: " + good), good);
  }
  BOOST_TEST(call("GET", "me", "", {"Cookie: a=b", header}).status == 200);
  for (const std::string& bad :
       {std::string("users"), std::string("users="), std::string(";;=;"), "users=\"" + token + "\"",
        "users = " + token, "USERS=" + token, "xusers=" + token, "__Host-users=" + token,
        "users=" + token + "x", "users=" + token.substr(1),
        (token[0] == 'x' ? "users=y" : "users=x") + token.substr(1),
        "users=" + std::string(5000, 'A'), std::string("users=\xFF\xFE\x80"),
        std::string("users=' OR 1=1 -- "), token, "a=users=" + token}) {
    BOOST_TEST_CONTEXT(bad) {
      const HttpReply reply = call("GET", "me", "", {"Cookie: " + bad});
      BOOST_TEST(reply.status == 401);
      BOOST_TEST(reply.code() == 1009);
    }
  }
}

BOOST_AUTO_TEST_CASE(of_several_cookies_the_first_that_is_alive_counts) {
  const std::string mine = cookie().substr(std::string("Cookie: ").size());
  Person other;
  other.regist();
  const std::string theirs = "users=" + other.token();
  const std::string dead = "users=" + std::string(43, 'A');
  const auto whose = [](const std::string& cookies) {
    return call("GET", "me", "", {"Cookie: " + cookies}).text("phone");
  };
  BOOST_TEST(whose(mine + "; " + theirs) == person.e164());
  BOOST_TEST(whose(theirs + "; " + mine) == other.e164());
  BOOST_TEST(whose(dead + "; " + mine + "; " + theirs) == person.e164());
  // Four cookies are tried, including malformed ones.
  BOOST_TEST(whose("users=; users; users=x; " + dead + "; " + mine) == person.e164());
  BOOST_TEST(whose("users=; users=x; users=y; users=z; " + mine) == "");
  BOOST_TEST(whose(dead + "; " + dead + "; " + dead + "; " + dead + "; " + mine) == "");
  // The session that counts is ended, here and by the list.
  BOOST_TEST(
      call("POST", "logout", "", {"Cookie: " + dead + "; " + mine + "; " + theirs, own_origin()})
          .code() == 0);
  BOOST_TEST(whose(mine + "; " + theirs) == other.e164());
}

BOOST_AUTO_TEST_CASE(over_https_the_cookie_is_bound_to_the_host) {
  const WorkerProcess worker(
      {.environment = with_stack_database({"USERS_FCGI_SESSION_COOKIE_SECURE=yes"})});
  const HttpReply login = worker.ask(fcgi::post(
      "/users/login",
      body_of({{"phone", person.phone()}, {"password", person.password()}, {"cookie", true}})));
  BOOST_TEST(login.code() == 0);
  const std::string pair = cookie_in(login);
  BOOST_TEST(pair.starts_with("__Host-users="));
  BOOST_TEST(attributes_of(login.header("set-cookie")) ==
                 (std::set<std::string>{"Path=/", "HttpOnly", "SameSite=Lax", "Secure",
                                        "Max-Age=" + kMonth}),
             boost::test_tools::per_element());

  const auto me_with = [&](const std::string& cookie) {
    fcgi::Request request = fcgi::get("/users/me");
    request.parameters["HTTP_COOKIE"] = cookie;
    return worker.ask(request).status;
  };
  BOOST_TEST(me_with(pair) == 200);
  // A neighbouring host, or plain HTTP, could have set the plain name.
  BOOST_TEST(me_with("users=" + pair.substr(pair.find('=') + 1)) == 401);
  BOOST_TEST(me_with("__host-users=" + pair.substr(pair.find('=') + 1)) == 401);

  fcgi::Request logout = fcgi::post("/users/logout", "");
  logout.parameters["HTTP_COOKIE"] = pair;
  logout.parameters["HTTP_HOST"] = "users.example";
  logout.parameters["HTTP_ORIGIN"] = "https://other.example";
  BOOST_TEST(worker.ask(logout).code() == 1009);
  logout.parameters["HTTP_ORIGIN"] = "https://users.example";
  const HttpReply out = worker.ask(logout);
  BOOST_TEST(out.code() == 0);
  check_taken_away(out, "__Host-users");
  // Without Secure a browser would refuse a cookie of this name and keep the old one.
  BOOST_TEST(attributes_of(out.header("set-cookie")).contains("Secure"));
  BOOST_TEST(me_with(pair) == 401);
}

BOOST_AUTO_TEST_CASE(with_a_domain_all_of_its_hosts_get_the_cookie) {
  const WorkerProcess worker(
      {.environment = with_stack_database({"USERS_FCGI_SESSION_COOKIE_SECURE=yes",
                                           "USERS_FCGI_SESSION_COOKIE_DOMAIN=example.org"})});
  const HttpReply login = worker.ask(fcgi::post(
      "/users/login",
      body_of({{"phone", person.phone()}, {"password", person.password()}, {"cookie", true}})));
  const std::string pair = cookie_in(login);
  BOOST_TEST(pair.starts_with("users="));
  BOOST_TEST(attributes_of(login.header("set-cookie")) ==
                 (std::set<std::string>{"Path=/", "HttpOnly", "SameSite=Lax", "Secure",
                                        "Domain=example.org", "Max-Age=" + kMonth}),
             boost::test_tools::per_element());
  const auto ask_with = [&](fcgi::Request request, const std::string& cookie) {
    request.parameters["HTTP_COOKIE"] = cookie;
    request.parameters["HTTP_HOST"] = "app.example.org";
    return worker.ask(request);
  };
  BOOST_TEST(ask_with(fcgi::get("/users/me"), pair).status == 200);
  BOOST_TEST(ask_with(fcgi::get("/users/me"), "__Host-" + pair).status == 401);
  // A page of another host of the domain changes nothing.
  fcgi::Request logout = fcgi::post("/users/logout", "");
  logout.parameters["HTTP_SEC_FETCH_SITE"] = "same-site";
  BOOST_TEST(ask_with(logout, pair).code() == 1009);
  logout.parameters["HTTP_SEC_FETCH_SITE"] = "same-origin";
  const HttpReply out = ask_with(logout, pair);
  BOOST_TEST(out.code() == 0);
  const auto attributes = attributes_of(out.header("set-cookie"));
  BOOST_TEST((attributes.contains("Domain=example.org") && attributes.contains("Max-Age=0")));
  BOOST_TEST(ask_with(fcgi::get("/users/me"), pair).status == 401);
}

BOOST_AUTO_TEST_SUITE_END()
