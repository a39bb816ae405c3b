// Login, lockout, sessions, and what ends sessions.
#include <array>
#include <atomic>

#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"

using namespace users::test;

namespace {

struct Fixture {
  Person person;
  Fixture() { person.regist(); }

  [[nodiscard]] HttpReply login_with(const std::string& password) const {
    return post("login", {{"phone", person.phone()}, {"password", password}});
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(login, Fixture, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(a_login_gives_a_token_that_auth_knows) {
  const HttpReply reply = person.login();
  BOOST_TEST(reply.status == 200);
  const std::string token = reply.text("token");
  BOOST_TEST(token.size() == 43U);
  BOOST_TEST(reply.text("expires_at").size() == 20U);
  BOOST_TEST(reply.number("id") > 0);
  const HttpReply auth = call("GET", "auth", token);
  BOOST_TEST(auth.status == 204);
  BOOST_TEST(auth.body.empty());
  BOOST_TEST(auth.header("x-user-phone") == person.e164());
  BOOST_TEST(auth.header("x-user-id") == reply.text("id"));
  const HttpReply me = call("GET", "me", token);
  BOOST_TEST(me.text("phone") == person.e164());
  BOOST_TEST(me.text("id") == reply.text("id"));
  BOOST_TEST(me.text("createTime").ends_with("Z"));
}

BOOST_AUTO_TEST_CASE(without_a_session_it_is_401) {
  for (const std::string& token :
       {std::string(), std::string("x"), std::string(43, 'A'), std::string(5000, 'A')}) {
    const HttpReply auth = call("GET", "auth", token);
    BOOST_TEST(auth.status == 401);
    BOOST_TEST(auth.body.empty());
    BOOST_TEST(call("GET", "me", token).code() == 1009);
    BOOST_TEST(call("GET", "sessions", token).status == 401);
    BOOST_TEST(call("POST", "logout", token).code() == 1009);
    BOOST_TEST(call("DELETE", "me", token).code() == 1009);
    BOOST_TEST(call("DELETE", "sessions/1", token).code() == 1009);
    BOOST_TEST(call("POST", "password", token).code() == 1009);
    BOOST_TEST(call("POST", "phone", token).code() == 1009);
  }
}

BOOST_AUTO_TEST_CASE(a_token_is_taken_as_it_was_given_and_in_no_other_way) {
  const std::string token = person.token();
  const auto asked = [](std::vector<std::string> headers) {
    return send(base_url(), {.method = "GET", .path = "/users/auth", .headers = std::move(headers)})
        .status;
  };
  BOOST_TEST(asked({"Authorization: Bearer " + token}) == 204);
  BOOST_TEST(asked({"Authorization: bearer " + token}) == 204);  // RFC 9110 11.1

  const auto changed = [&](std::size_t at) {
    std::string other = token;
    other[at] = other[at] == 'x' ? 'y' : 'x';
    return other;
  };
  std::string swapped = token;
  for (char& c : swapped) {
    const auto byte = static_cast<unsigned char>(c);
    c = static_cast<char>(std::isupper(byte) != 0 ? std::tolower(byte) : std::toupper(byte));
  }
  for (const std::string& other :
       {changed(0), changed(20), changed(42), swapped, token.substr(1), token.substr(0, 42),
        token + "A", token + "=", token + " x", "\"" + token + "\"", token + "," + token,
        std::string("' OR 1=1 -- ")}) {
    BOOST_TEST(asked({"Authorization: Bearer " + other}) == 401, other);
  }
  for (const std::string& header :
       {"Authorization: " + token, "Authorization: Basic " + token, "Authorization: Token " + token,
        "Authorization: Bearer" + token, "X-Authorization: Bearer " + token,
        "Cookie: token=" + token}) {
    BOOST_TEST(asked({header}) == 401, header);
  }
  // nginx's own: a repeated header, and one larger than its buffer.
  BOOST_TEST(asked({"Authorization: Bearer " + token, "Authorization: Bearer " + token}) == 400);
  BOOST_TEST(asked({"Authorization: Bearer " + std::string(10'000, 'A')}) == 400);
  BOOST_TEST(is_alive(token));
}

BOOST_AUTO_TEST_CASE(a_token_chosen_by_the_client_never_works) {
  const std::string chosen(43, 'B');
  person.login({"Authorization: Bearer " + chosen, "Cookie: users=" + chosen});
  BOOST_TEST(!is_alive(chosen));
  BOOST_TEST(person.token() != person.token());
}

BOOST_AUTO_TEST_CASE(unknown_and_wrong_are_the_same_and_lock_alike) {
  const Person nobody;
  for (int i = 0; i < 10; ++i) {
    const HttpReply wrong = login_with("another horse 42");
    BOOST_TEST(wrong.status == 401);
    BOOST_TEST(wrong.code() == 1004);
    BOOST_TEST(wrong.body == nobody.login().body);
  }
  BOOST_TEST(person.login().code() == 1008);
  BOOST_TEST(nobody.login().code() == 1008);
}

BOOST_AUTO_TEST_CASE(ten_failures_lock_for_a_quarter_of_an_hour) {
  for (int i = 0; i < 10; ++i) BOOST_TEST(login_with("another horse 42").code() == 1004);
  const HttpReply locked = login_with(person.password());
  BOOST_TEST(locked.status == 429);
  BOOST_TEST(locked.code() == 1008);
  const int wait = locked.number("retry_after");
  BOOST_TEST(wait > 14 * 60);
  BOOST_TEST(wait <= 15 * 60);
  BOOST_TEST(Person("+86" + person.phone()).login().code() == 1008);
  // The owner logs in by code, which clears the lock, as does a reset.
  BOOST_TEST(login_by(person, person.code("login")).code() == 0);
  BOOST_TEST(person.login().code() == 0);
  for (int i = 0; i < 10; ++i) BOOST_TEST(login_with("another horse 42").code() == 1004);
  BOOST_TEST(person.login().code() == 1008);
  query("DELETE FROM throttle WHERE bucket LIKE 'send%:" + person.e164() + "'");
  BOOST_TEST(reset_by(person, person.code("reset")).code() == 0);
  BOOST_TEST(login_with("another horse 7").code() == 0);
}

BOOST_AUTO_TEST_CASE(who_has_a_session_guesses_the_password_no_more_often) {
  const std::string mine = person.token();
  const std::vector<std::array<std::string, 3>> asked{
      {"POST", "password", R"({"old_password":"wrong horse 42","password":"another horse 7"})"},
      {"DELETE", "me", R"({"password":"wrong horse 42"})"},
      {"POST", "phone",
       R"({"phone":")" + fresh_phone() + R"(","code":"123456","password":"wrong horse 42"})"}};
  const auto answer = [&](std::size_t i) {
    const auto& [method, path, body] = asked[i % asked.size()];
    return call(method, path, mine, {}, body);
  };
  for (std::size_t i = 0; i < 10; ++i) BOOST_TEST(answer(i).code() == 1004);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const HttpReply locked = answer(i);
    BOOST_TEST(locked.status == 429);
    BOOST_TEST(locked.code() == 1008, asked[i][1]);
  }
  BOOST_TEST(person.login().code() == 1008);
  BOOST_TEST(is_alive(mine));
}

BOOST_AUTO_TEST_CASE(a_lock_outlives_a_restart_of_everything, *boost::unit_test::label("deep")) {
  for (int i = 0; i < 10; ++i) BOOST_TEST(login_with("another horse 42").code() == 1004);
  run_script("scripts/stop && VERIFICATION=issued USERS_FCGI_SMS_TIMEOUT=2 scripts/start");
  const HttpReply locked = person.login();
  BOOST_TEST(locked.code() == 1008);
  BOOST_TEST(locked.number("retry_after") > 10 * 60);
}

BOOST_AUTO_TEST_CASE(guesses_in_parallel_over_all_workers_stay_in_the_budget) {
  BOOST_TEST(login_with("another horse 42").code() == 1004);
  std::atomic<int> compared{1};
  over_all_workers("login:" + person.e164(), 48, [&](int) {
    if (login_with("another horse 42").code() == 1004) ++compared;
  });
  BOOST_TEST(compared == 10);
}

BOOST_AUTO_TEST_CASE(a_success_forgets_the_failures) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 9; ++i) BOOST_TEST(login_with("another horse 42").code() == 1004);
    BOOST_TEST(person.login().code() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_disabled_account_is_told_only_to_who_knows_the_password) {
  const std::string token = person.token();
  query("UPDATE users SET disableTime = UTC_TIMESTAMP() WHERE phone = '" + person.e164() + "'");
  BOOST_TEST(login_with("another horse 42").code() == 1004);
  const HttpReply right = person.login();
  BOOST_TEST(right.status == 403);
  BOOST_TEST(right.code() == 1011);
  BOOST_TEST(!is_alive(token));
}

BOOST_AUTO_TEST_CASE(logout_ends_one_or_all) {
  const std::string one = person.token();
  const std::string two = person.token();
  const std::string three = person.token();
  BOOST_TEST(call("POST", "logout", one).code() == 0);
  BOOST_TEST(!is_alive(one));
  BOOST_TEST(is_alive(two));
  BOOST_TEST(call("POST", "logout", one).code() == 1009);
  BOOST_TEST(call("POST", "logout", two, {}, R"({"all":true})").code() == 0);
  BOOST_TEST(!is_alive(two));
  BOOST_TEST(!is_alive(three));
}

BOOST_AUTO_TEST_CASE(a_session_does_nothing_for_an_account_that_is_not_its_own) {
  const std::string stranger = id_of(person);
  Person next;
  const Arguments change{
      {"phone", next.phone()}, {"code", next.code("phone")}, {"password", person.password()}};
  struct Endpoint {
    std::string method;
    std::string path;
    Arguments arguments{};
  };
  std::vector<Endpoint> endpoints{
      {"DELETE", "sessions/@"},
      {"POST", "logout"},
      {"POST", "logout", {{"all", true}}},
      {"POST", "phone", change},
      {"POST", "password", {{"old_password", person.password()}, {"password", "another horse 7"}}},
      {"DELETE", "me", {{"password", person.password()}}}};
  for (const std::string& path : reads_of_a_session()) endpoints.push_back({"GET", path});
  for (Endpoint asked : endpoints) {
    auto& [method, path, arguments] = asked;
    Person owner;
    owner.regist();
    const std::string id = id_of(owner);
    const std::string mine = owner.token();
    owner.login();
    const std::string sessions = "FROM sessions WHERE user_id = " + id;
    if (path.ends_with('@')) path.replace(path.size() - 1, 1, query("SELECT MAX(id) " + sessions));
    const auto answer = [&](const std::vector<std::string>& headers) {
      return call(asked.method, asked.path, mine, headers,
                  asked.arguments.empty() ? "" : body_of(asked.arguments));
    };
    const auto state = [&] {
      return query("SELECT CONCAT_WS(' ', phone, password, epoch) FROM users WHERE id = " + id) +
             " " + query("SELECT GROUP_CONCAT(id ORDER BY id) " + sessions);
    };
    BOOST_TEST_CONTEXT(method << " " << path << " " << body_of(arguments)) {
      const std::string before = state();
      for (const std::string& other :
           {stranger, std::string("0"), "0" + id, "+" + id, "-" + id, id + "0", id + ".0",
            id + "," + id, "\"" + id + "\"", std::string("me"), std::string(4000, '1')}) {
        const HttpReply reply = answer({"X-Users-Account: " + other});
        BOOST_TEST(reply.status == 401, other);
        if (path != "auth") BOOST_TEST(reply.code() == 1009, other);
      }
      BOOST_TEST(state() == before);
      const int success = path == "auth" ? 204 : 200;
      if (method == "GET") BOOST_TEST(answer({}).status == success);
      BOOST_TEST(answer({"X-Users-Account: " + id}).status == success);
      BOOST_TEST((state() == before) == (method == "GET"));
    }
  }
}

BOOST_AUTO_TEST_CASE(sessions_are_listed_and_ended_one_by_one) {
  const std::string mine = person.token();
  const HttpReply other = person.login({"User-Agent: phone <app> \xF0\x9F\x93\xB1"});
  const auto sessions = call("GET", "sessions", mine).list("sessions");
  BOOST_TEST_REQUIRE(sessions.size() == 2U);
  int current = 0;
  std::string other_id;
  for (Members session : sessions) {
    current += session["current"] == "true" ? 1 : 0;
    if (session["current"] == "false") {
      other_id = session["id"];
      BOOST_TEST(session["agent"] == "phone <app> \xF0\x9F\x93\xB1");
      BOOST_TEST(session["address"] == "127.0.0.1");
      BOOST_TEST(session["last_seen"].ends_with("Z"));
    }
  }
  BOOST_TEST(current == 1);
  const std::string other_token = other.text("token");
  Person stranger;
  stranger.regist();
  BOOST_TEST(call("DELETE", "sessions/" + other_id, stranger.token()).code() == 9002);
  BOOST_TEST(call("DELETE", "sessions/x", mine).code() == 9002);
  BOOST_TEST(call("DELETE", "sessions/99999999999999999999", mine).code() == 9002);
  BOOST_TEST(is_alive(other_token));
  BOOST_TEST(call("DELETE", "sessions/" + other_id, mine).code() == 0);
  BOOST_TEST(!is_alive(other_token));
  BOOST_TEST(is_alive(mine));
}

BOOST_AUTO_TEST_CASE(sessions_end_when_idle_and_in_any_case) {
  const std::string idle = person.token();
  query("UPDATE sessions SET seenTime = UTC_TIMESTAMP() - INTERVAL 604700 SECOND");
  BOOST_TEST(is_alive(idle));
  query("UPDATE sessions SET seenTime = UTC_TIMESTAMP() - INTERVAL 604801 SECOND");
  BOOST_TEST(!is_alive(idle));
  const std::string old = person.token();
  BOOST_TEST(query("SELECT TIMESTAMPDIFF(DAY, createTime, expireTime) FROM sessions ORDER BY id "
                   "DESC LIMIT 1") == "30");
  query("UPDATE sessions SET expireTime = UTC_TIMESTAMP()");
  BOOST_TEST(!is_alive(old));
}

BOOST_AUTO_TEST_CASE(last_seen_is_written_at_most_every_five_minutes) {
  const std::string token = person.token();
  const std::string seen =
      "SELECT TIMESTAMPDIFF(SECOND, seenTime, UTC_TIMESTAMP()) FROM sessions ORDER BY id DESC "
      "LIMIT 1";
  const std::string age = "UPDATE sessions SET seenTime = UTC_TIMESTAMP() - INTERVAL ";
  query(age + "200 SECOND ORDER BY id DESC LIMIT 1");
  BOOST_TEST(is_alive(token));
  BOOST_TEST(std::stoi(query(seen)) >= 200);
  query(age + "301 SECOND ORDER BY id DESC LIMIT 1");
  BOOST_TEST(is_alive(token));
  BOOST_TEST(std::stoi(query(seen)) < 100);
}

BOOST_AUTO_TEST_CASE(a_changed_password_ends_the_other_sessions) {
  const std::string mine = person.token();
  const std::string other = person.token();
  BOOST_TEST(change_password(mine, "wrong horse 42", "another horse 7").code() == 1004);
  BOOST_TEST(change_password(mine, person.password(), "12345678").code() == 1010);
  BOOST_TEST(change_password(mine, person.password(), person.phone()).code() == 1010);
  BOOST_TEST(change_password(mine, person.password(), "short").fields() == "password");
  BOOST_TEST(is_alive(other));
  BOOST_TEST(change_password(mine, person.password(), "another horse 7").code() == 0);
  BOOST_TEST(is_alive(mine));
  BOOST_TEST(!is_alive(other));
  BOOST_TEST(person.login().code() == 1004);
  BOOST_TEST(login_with("another horse 7").code() == 0);
}

BOOST_AUTO_TEST_CASE(a_password_change_racing_logins_leaves_no_old_session,
                     *boost::unit_test::label("deep")) {
  std::string password = person.password();
  for (int round = 0; round < 4; ++round) {
    const std::string mine = login_with(password).text("token");
    const std::string next = "another horse " + std::to_string(round);
    std::vector<std::string> opened(6);
    in_parallel(7, 7, [&](int i) {
      if (i == 3) {
        change_password(mine, password, next);
      } else {
        opened[static_cast<std::size_t>(i < 3 ? i : i - 1)] = login_with(password).text("token");
      }
    });
    BOOST_TEST(is_alive(mine));
    for (const std::string& token : opened) BOOST_TEST((token.empty() || !is_alive(token)));
    password = next;
  }
}

BOOST_AUTO_TEST_CASE(a_reset_ends_all_sessions_and_logs_nobody_in) {
  const std::string token = person.token();
  const HttpReply reset = reset_by(person, person.code("reset"));
  BOOST_TEST(reset.code() == 0);
  BOOST_TEST(!reset.has("token"));
  BOOST_TEST(!is_alive(token));
  BOOST_TEST(person.login().code() == 1004);
  BOOST_TEST(login_with("another horse 7").code() == 0);
  BOOST_TEST(reset_by(Person(), "123456").code() == 1005);
}

BOOST_AUTO_TEST_CASE(a_phone_changes_only_to_one_that_was_proved_and_is_free) {
  const std::string mine = person.token();
  const std::string other = person.token();
  Person next;
  const std::string code = next.code("phone");
  BOOST_TEST(change_phone(mine, next, code, "wrong horse 42").code() == 1004);
  BOOST_TEST(change_phone(mine, next, other_than(code), person.password()).code() == 1005);
  Person taken;
  taken.regist();
  BOOST_TEST(change_phone(mine, taken, taken.code("phone"), person.password()).code() == 1002);
  BOOST_TEST(change_phone(mine, next, code, person.password()).code() == 0);
  BOOST_TEST(call("GET", "me", mine).text("phone") == next.e164());
  BOOST_TEST(!is_alive(other));
  BOOST_TEST(person.login().code() == 1004);
  BOOST_TEST(next.login().code() == 0);
}

BOOST_AUTO_TEST_CASE(every_event_is_recorded_with_whose_where_when_and_the_request) {
  const std::string id = id_of(person);
  const auto row = [&](const std::string& what) {
    return query("SELECT " + what + " FROM audit WHERE user_id = " + id +
                 " ORDER BY id DESC LIMIT 1");
  };
  const auto recorded = [&](const HttpReply& reply, const std::string& event) {
    BOOST_TEST(reply.code() == 0, event);
    BOOST_TEST(row("event") == event);
    BOOST_TEST(row("address") == "127.0.0.1", event);
    BOOST_TEST(row("request_id") == reply.header("x-request-id"), event);
    BOOST_TEST(
        row("createTime BETWEEN UTC_TIMESTAMP() - INTERVAL 1 MINUTE AND UTC_TIMESTAMP()") == "1",
        event);
    let_time_pass_for(person.e164());
    return reply.text("token");
  };
  BOOST_TEST(row("event") == "regist");
  const std::string first = recorded(person.login(), "login");
  const std::string second = recorded(login_by(person, person.code("login")), "login by code");
  std::string other;
  const auto sessions = call("GET", "sessions", second).list("sessions");
  for (Members session : sessions) {
    if (session["current"] == "false") other = session["id"];
  }
  recorded(call("DELETE", "sessions/" + other, second), "session ended");
  recorded(change_password(second, person.password()), "password changed");
  Person next;
  recorded(change_phone(second, next, next.code("phone"), "another horse 7"), "phone changed");
  let_time_pass_for(next.e164());
  recorded(reset_by(next, next.code("reset"), "third horse 8"), "password reset");
  next.remember_password("third horse 8");
  const std::string third = recorded(next.login(), "login");
  const std::string fourth = recorded(next.login(), "login");
  recorded(call("POST", "logout", third), "logout");
  recorded(call("POST", "logout", fourth, {}, R"({"all":true})"), "logout everywhere");
  const std::string last = recorded(next.login(), "login");
  recorded(delete_account(last, "third horse 8"), "deleted");
}

BOOST_AUTO_TEST_CASE(a_deleted_account_is_gone) {
  const std::string mine = person.token();
  const std::string other = person.token();
  const std::string id = id_of(person);
  BOOST_TEST(delete_account(mine, "wrong horse 42").code() == 1004);
  BOOST_TEST(delete_account(mine, "correct horse 42").code() == 0);
  BOOST_TEST(!is_alive(mine));
  BOOST_TEST(!is_alive(other));
  BOOST_TEST(count_users(person.e164()) == 0);
  BOOST_TEST(person.login().code() == 1004);
  // The audit remains.
  BOOST_TEST(
      query("SELECT GROUP_CONCAT(event ORDER BY id SEPARATOR ',') FROM audit WHERE user_id = " +
            id) == "regist,login,login,deleted");
  let_time_pass_for(person.e164());
  person.regist();
}

BOOST_AUTO_TEST_SUITE_END()
