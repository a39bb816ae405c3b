// Records that nginx never sends: only one complete request to a responder is carried out, and the
// worker serves the next one.
#include <boost/test/unit_test.hpp>

#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

using fcgi::Record;
using fcgi::RecordType;

constexpr unsigned kResponder = 1;

std::string begin(unsigned role = kResponder, unsigned id = 1, unsigned version = 1) {
  std::string content(8, '\0');
  content[0] = static_cast<char>(role >> 8U);
  content[1] = static_cast<char>(role & 0xFFU);
  return Record{.version = version, .type = 1, .id = id, .content = content}.bytes();
}

/// A registration in pieces. Without a database the worker answers 9001 to one that it carries out.
struct Fixture {
  WorkerProcess worker;
  std::string body = registration("13912345678");
  std::string parameters = fcgi::encode(fcgi::regist(body).parameters);

  /// The complete request still works.
  void teardown() const { BOOST_TEST(is_carried_out(begin() + told() + sent())); }

  /// Parameters and body as complete streams.
  [[nodiscard]] std::string told(unsigned id = 1, unsigned version = 1,
                                 std::size_t padding = 0) const {
    return Record{version, 4, id, parameters, padding}.bytes() + Record{version, 4, id}.bytes();
  }
  [[nodiscard]] std::string sent(unsigned id = 1, unsigned version = 1,
                                 std::size_t padding = 0) const {
    return Record{version, 5, id, body, padding}.bytes() + Record{version, 5, id}.bytes();
  }

  /// Everything it sends in reply to `bytes`, after which the client sends nothing more.
  [[nodiscard]] std::string answer_to(const std::string& bytes) const {
    fcgi::Client client = worker.connect();
    client.send(bytes);
    client.finish_sending();
    return client.everything();
  }
  [[nodiscard]] bool is_carried_out(const std::string& bytes) const {
    return contains(answer_to(bytes), "\"code\":9001");
  }

  void check_refused(const std::vector<std::string>& streams) const {
    for (std::size_t i = 0; i < streams.size(); ++i) {
      const std::string said = answer_to(streams[i]);
      BOOST_TEST((said.empty() || !contains(said, "\"code\"") || contains(said, "\"code\":1001")),
                 i << ": " << said);
      BOOST_TEST(worker.answers(), i);
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(records, Fixture)

BOOST_AUTO_TEST_CASE(what_is_not_fastcgi_is_dropped) {
  for (const std::string& bytes :
       {std::string("GET /users/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 11), std::string(100, '\0'),
        std::string(100, '\xFF'), std::string("\x01", 1), std::string()}) {
    BOOST_TEST(answer_to(bytes) == "");
    BOOST_TEST(worker.answers());
  }
}

BOOST_AUTO_TEST_CASE(another_role_gets_no_reply) {
  const std::string data = Record{.type = 8, .content = body}.bytes() + Record{.type = 8}.bytes();
  for (const unsigned role : {0U, 2U, 3U, 4U, 127U, 255U, 65535U}) {
    for (const std::string& more : {std::string(), data}) {
      const std::string said = answer_to(begin(role) + told() + sent() + more);
      BOOST_TEST(!contains(said, "\"code\""), role << ": " << said);
    }
  }
}

BOOST_AUTO_TEST_CASE(another_version_is_refused) {
  for (const unsigned version : {0U, 2U, 127U, 255U}) {
    check_refused({begin(kResponder, 1, version) + told() + sent(),
                   begin() + told(1, version) + sent(), begin() + told() + sent(1, version)});
  }
}

BOOST_AUTO_TEST_CASE(every_other_type_in_place_of_one_is_refused) {
  for (const unsigned type : {0U, 2U, 3U, 6U, 7U, 8U, 9U, 10U, 11U, 12U, 128U, 255U}) {
    const std::string end = Record{.type = type}.bytes();
    check_refused({Record{.type = type, .content = std::string(8, '\1')}.bytes() + told() + sent(),
                   begin() + Record{.type = type, .content = parameters}.bytes() + end + sent(),
                   begin() + told() + Record{.type = type, .content = body}.bytes() + end});
  }
}

BOOST_AUTO_TEST_CASE(a_request_put_together_from_two_ids_is_refused) {
  check_refused({begin(1, 1) + told(2) + sent(2), begin(1, 1) + told(1) + sent(2),
                 begin(1, 1) + begin(1, 2) + told(2) + sent(2),
                 begin(1, 1) + told(1) + begin(1, 2) + sent(2), begin(1, 0) + told(0) + sent(0)});
}

BOOST_AUTO_TEST_CASE(records_out_of_order_are_refused) {
  check_refused({sent(), begin() + sent(), told(), told() + sent(), told() + sent() + begin(),
                 begin() + told() + begin() + told() + sent(),
                 begin() + told() + record(RecordType::parameters, "x") + sent()});
}

BOOST_AUTO_TEST_CASE(an_aborted_request_is_refused_wherever_the_abort_is) {
  const std::string abort = Record{.type = 2}.bytes();
  const std::string half = Record{.type = 5, .content = body.substr(0, body.size() / 2)}.bytes();
  const std::string all = Record{.type = 5, .content = body}.bytes();
  const std::string end = Record{.type = 5}.bytes();
  check_refused({abort, begin() + abort, begin() + abort + told() + all + end,
                 begin() + Record{.type = 4, .content = parameters}.bytes() + abort,
                 begin() + told() + abort, begin() + told() + half + abort,
                 begin() + told() + half + abort + end, begin() + told() + all + abort,
                 begin() + told() + all + abort + end});
}

BOOST_AUTO_TEST_CASE(lengths_that_lie_within_records_are_refused) {
  const std::string huge_value("\x0E\x84\x00\x00\x00REQUEST_METHODPOST", 23);  // 64 MiB
  const std::string huge_name("\x84\x00\x00\x00\x04REQUEST_METHODPOST", 23);   // 64 MiB
  const std::string cut_length("\x0E\x84\x00", 3);                             // of 4 bytes
  using fcgi::record;
  check_refused(
      {begin() + record(RecordType::parameters, huge_value),
       begin() + record(RecordType::parameters, huge_name),
       begin() + record(RecordType::parameters, cut_length) + record(RecordType::parameters),
       begin() + record(RecordType::parameters, parameters, 65535),
       begin() + record(RecordType::parameters, parameters, 10),
       begin() + told() + record(RecordType::standard_input, body, 65535),
       begin() + told() + record(RecordType::standard_input, body, 10),
       record(RecordType::begin_request, std::string(7, '\0'), 7)});
}

BOOST_AUTO_TEST_CASE(padding_is_no_part_of_a_request) {
  BOOST_TEST(is_carried_out(begin() + told(1, 1, 255) + sent(1, 1, 255)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
