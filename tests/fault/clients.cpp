// Clients that are slow, stop half way or disconnect early, next to normal ones.

#include <boost/test/unit_test.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "fault/ledger.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

/// A connection to nginx that is reset at the end.
class Client {
 public:
  Client() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) {
      throw std::runtime_error("cannot set SO_LINGER");
    }
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False if nginx has disconnected.
  [[nodiscard]] bool send(std::string_view bytes) const {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

 private:
  int socket_ = connect_to(base_url());
};

/// A complete registration with the phone as key.
std::string request(const std::string& phone) {
  const std::string body = registration(phone);
  return "POST /users/regist HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Idempotency-Key: " +
         phone + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(clients)

BOOST_AUTO_TEST_CASE(a_hundred_slow_ones_hold_up_nobody) {
  constexpr std::size_t kSlow = 100;
  const std::string phone = fresh_phone();
  const Tally met = survive("100 slow clients", [&](const Traffic& traffic) {
    const std::string whole = request(phone);
    const std::vector<Client> slow(kSlow);
    // One byte each, then some normal requests, and so on: all stay in the middle of their request.
    for (std::size_t i = 0; i < whole.size() / 2; ++i) {
      for (const Client& client : slow) BOOST_TEST(client.send(whole.substr(i, 1)));
      traffic.flow(10);
    }
  });
  BOOST_TEST(met.unknown == 0);
  BOOST_TEST(met.longest < 2);
  BOOST_TEST(count_users("+86" + phone) == 0);
}

BOOST_AUTO_TEST_CASE(half_a_request_reaches_no_worker) {
  const std::string phone = fresh_phone();
  const std::string whole = request(phone);
  const Tally met = survive("half requests", [&](const Traffic& traffic) {
    for (std::size_t size = 1; size < whole.size(); size += 2) {
      BOOST_TEST(Client().send(whole.substr(0, size)));
    }
    traffic.flow(100);
  });
  BOOST_TEST(met.unknown == 0);
  BOOST_TEST(count_users("+86" + phone) == 0);
  BOOST_TEST(regist_with_key(phone).code() == 0);
}

BOOST_AUTO_TEST_CASE(who_leaves_before_the_answer_is_told_by_a_retry) {
  constexpr int kLeaving = 300;
  std::vector<std::string> phones;
  const Tally met = survive("clients that leave", [&](const Traffic& traffic) {
    for (int i = 0; i < kLeaving; ++i) {
      phones.push_back(fresh_phone());
      const Client client;
      BOOST_TEST(client.send(request(phones.back())));
      // Some wait until a worker has the request, some leave at once.
      if (i % 3 == 0) traffic.flow(1);
    }
  });
  BOOST_TEST(met.unknown == 0);
  int kept = 0;
  for (const std::string& phone : phones) {
    const int rows = count_users("+86" + phone);
    kept += rows;
    BOOST_TEST(rows <= 1);
    BOOST_TEST(regist_with_key(phone).code() == 0);
    BOOST_TEST(count_users("+86" + phone) == 1);
  }
  BOOST_TEST(kept > 0);
}

BOOST_AUTO_TEST_SUITE_END()
