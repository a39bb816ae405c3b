// users-ctl sms pending, retry and test, and otp: messages and their codes.
#include <chrono>
#include <iostream>
#include <limits>
#include <utility>

#include "base/log.hpp"
#include "ctl/command.hpp"
#include "ctl/service.hpp"
#include "ctl/system.hpp"
#include "factors/verification.hpp"
#include "sms/courier.hpp"

namespace users::ctl {
namespace {

constexpr std::pair<std::string_view, std::string_view> kRetryTexts[] = {
    {outbox::kDue, "due now"},
    {"expired", "expired: the user must request a new code"},
    {"in hand", "being sent: a courier is at it"},
    {"sent", "sent already: its content is wiped"},
    {"failed", "given up: its content is wiped, and the user must request a new code"},
    {"unsent", "was not to be sent: nobody had the phone, or a newer code took its place"},
    {"unknown", "there is no such message"}};

int retry_all(Service& service) {
  const std::uint64_t count = service.accounts().retry_all_messages();
  if (count == 0) {
    std::cout << "no message waits that could still be sent\n";
  } else {
    std::cout << count << (count == 1 ? " message is" : " messages are")
              << " due now; the courier takes them next\n";
  }
  return EXIT_SUCCESS;
}

/// A number that no outbox row has, new each time: a gateway may accept a number only once.
std::uint64_t test_message_id() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace

int sms_pending(const Call& call) {
  const std::uint64_t limit = limit_option(call);
  const Config config = call.config();
  Service service(config);
  std::vector<json::Object> rows;
  const auto messages = service.read(
      [&](db::Connection& connection) { return outbox::list(connection, service.key(), limit); });
  for (const outbox::Pending& message : messages) {
    rows.push_back({{"id", message.id},
                    {"phone", message.phone},
                    {"purpose", message.purpose},
                    {"attempts", message.attempts},
                    {"created", message.created},
                    {"next", message.next},
                    {"expires", message.expires}});
  }
  print_rows(std::cout, call.form(),
             {"id", "phone", "purpose", "attempts", "created", "next", "expires"}, rows);
  return EXIT_SUCCESS;
}

int sms_retry(const Call& call) {
  std::vector<std::uint64_t> ids;
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  for (const std::string& text : call.arguments) {
    ids.push_back(parse_number("ID", text, 1, kMost));
  }
  const Config config = call.config();
  Service service(config);
  if (ids.empty()) return retry_all(service);
  const auto retries = service.accounts().retry_messages(ids);
  bool all_due = true;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (const auto& [state, text] : kRetryTexts) {
      if (retries[i] == state) std::cout << ids[i] << '\t' << text << '\n';
    }
    all_due = all_due && retries[i] == outbox::kDue;
  }
  return all_due ? EXIT_SUCCESS : EXIT_FAILURE;
}

int sms_test(const Call& call) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  constexpr std::chrono::seconds kSpare{10};
  // The program's settings may belong to the courier: run as root, it could be made to send out any
  // file of the machine.
  const auto as_courier = [](const Config& own) { return std::vector{*courier_user(own)}; };
  const auto limit = std::chrono::seconds(config.sms_timeout) + kSpare;
  if (const auto status = done_as(call, as_courier, limit)) return *status;
  log::start_on_stderr(LogLevel::warning);  // to show how the program ended
  const Message message{phone.e164(), "regist", std::string(kCodeDigits, '0'), "zh"};
  // Through our own outputs, which make it printable.
  const auto relay = [](std::string_view piece, bool is_error) {
    (is_error ? std::cerr : std::cout) << piece << std::flush;
  };
  switch (run_send_command(config, test_message_id(), message, relay)) {
    case Delivery::sent:
      std::cout << config.sms_command << " took the test message to " << phone.e164()
                << " (a code of zeros, which opens nothing)\n";
      return EXIT_SUCCESS;
    case Delivery::try_again:
      throw Refused("not sent: " + config.sms_command +
                    " asks to try again later (exit code 75), could not be run, was killed by a "
                    "signal, or took longer than " +
                    std::to_string(config.sms_timeout) + " seconds");
    case Delivery::failed:
      throw Refused("not sent: " + config.sms_command +
                    " gave the message up: its settings, its provider or the number are not right; "
                    "its last line says which");
  }
  return EXIT_FAILURE;
}

int otp(const Call& call) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  Service service(config);
  std::vector<json::Object> rows;
  const auto codes = service.read(
      [&](db::Connection& connection) { return list_codes.all(connection, phone.e164()); });
  for (const SentCode& code : codes) {
    rows.push_back({{"purpose", code.purpose},
                    {"created", code.created},
                    {"expires", code.expires},
                    {"tries", code.tries},
                    {"state", code.state},
                    {"message", code.message},
                    {"attempts", code.attempts},
                    {"done", code.done.value_or("")}});
  }
  print_rows(std::cout, call.form(),
             {"purpose", "created", "expires", "tries", "state", "message", "attempts", "done"},
             rows);
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
