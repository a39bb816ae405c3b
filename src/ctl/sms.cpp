// users-ctl sms pending, retry and test, and otp: messages and their codes.
#include <algorithm>
#include <chrono>
#include <iostream>

#include "base/log.hpp"
#include "ctl/service.hpp"
#include "ctl/system.hpp"
#include "factors/verification.hpp"
#include "sms/courier.hpp"

namespace users::ctl {
namespace {

struct RetryText {
  std::string_view state;  ///< as outbox::retry() returns it
  std::string_view text;
};
constexpr RetryText kRetryTexts[] = {
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

int sms_pending(const Call& call) {
  const std::uint64_t limit = limit_option(call);
  Service service(call);
  const auto messages = service.read(
      [&](db::Connection& connection) { return outbox::list(connection, service.key(), limit); });
  print_rows(call, messages,
             {{"id", &outbox::Pending::id},
              {"phone", &outbox::Pending::phone},
              {"purpose", &outbox::Pending::purpose},
              {"attempts", &outbox::Pending::attempts},
              {"created", &outbox::Pending::created},
              {"next", &outbox::Pending::next},
              {"expires", &outbox::Pending::expires}});
  return EXIT_SUCCESS;
}

int sms_retry(const Call& call) {
  std::vector<std::uint64_t> ids;
  for (const std::string& text : call.arguments) ids.push_back(parse_number("ID", text, 1));
  Service service(call);
  if (ids.empty()) return retry_all(service);
  const auto retries = service.accounts().retry_messages(ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto* const row = std::ranges::find(kRetryTexts, retries[i], &RetryText::state);
    std::cout << ids[i] << '\t' << (row == std::end(kRetryTexts) ? retries[i] : row->text) << '\n';
  }
  const bool all_due = std::ranges::count(retries, outbox::kDue) == std::ssize(retries);
  return all_due ? EXIT_SUCCESS : EXIT_FAILURE;
}

int sms_test(const Call& call) {
  const Config config = call.config();
  const Phone phone = parse_phone(config, call.arguments.front());
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
  Service service(call, 1);
  const auto codes = service.read([&](db::Connection& connection) {
    return list_codes.all(connection, service.phone().e164());
  });
  print_rows(call, codes,
             {{"purpose", &SentCode::purpose},
              {"created", &SentCode::created},
              {"expires", &SentCode::expires},
              {"tries", &SentCode::tries},
              {"state", &SentCode::state},
              {"message", &SentCode::message},
              {"attempts", &SentCode::attempts},
              {"done", [](const SentCode& code) { return code.done.value_or(""); }}});
  return EXIT_SUCCESS;
}

}  // namespace

const std::vector<Command> kMessageCommands{
    {"sms pending", "", "--limit --json",
     "Lists messages that wait or are being sent, oldest first: id, phone, purpose, attempts, "
     "created, next, expires.",
     sms_pending},
    {"sms retry", "[ID...]", "",
     "Makes these messages, or all that wait, due now instead of at their next attempt. The "
     "attempt counts as usual (sms.attempts). A message that a courier is sending is skipped. One "
     "that was sent or given up cannot be sent again, since its content is wiped, nor can an "
     "expired one: the user must request a new code. Prints the result for each ID; exit code 1 if "
     "one is not due now.",
     sms_retry},
    {"sms test", "PHONE", "",
     "Runs sms.command once with a message that contains a code of zeros, and prints the result. "
     "As root it runs as the courier's user (sms.user), or as the owner of key_file if there is no "
     "such user. It uses the caller's environment, not the unit's, ignores sms.countries and does "
     "not touch the database.",
     sms_test},
    {"otp", "PHONE", "--json",
     "Lists the last code of each purpose sent to a phone, newest first: purpose, created, "
     "expires, tries (failed guesses), state (valid, used, guessed: too often, void: the account "
     "was changed since, expired), message (pending, sent, failed, unsent: nobody had the phone, "
     "or a newer code took its place, gone: its row is deleted), attempts (to send it), done (when "
     "it was sent or given up). Never shows the code. For the phone's counters see user show.",
     otp},
};

}  // namespace users::ctl
