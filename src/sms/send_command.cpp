// Runs the operator's send-sms program for one message.
#include <system_error>

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/subprocess.hpp"
#include "sms/courier.hpp"

namespace users {
namespace {

constexpr int kTemporaryFailure = 75;  // EX_TEMPFAIL, sysexits.h

std::string json_of(const std::string& origin, std::uint64_t id, const Message& message) {
  const bool chinese = message.language == "zh";
  const std::string minutes = std::to_string(kCodeLifetime / 60);
  std::string text = chinese
                         ? "验证码 " + message.code + "，" + minutes + " 分钟内有效，请勿告知他人。"
                         : "Your code is " + message.code + ". It is valid for " + minutes +
                               " minutes; do not share it.";
  // The last line binds the code to an origin (wicg.github.io/sms-one-time-codes).
  if (!origin.empty()) text.append("\n@").append(origin).append(" #").append(message.code);
  return json::text(json::Object{{"code", message.code},
                                 {"id", id},
                                 {"language", message.language},
                                 {"phone", message.phone},
                                 {"purpose", message.purpose},
                                 {"text", text}}) +
         "\n";
}

/// A program that is missing, cannot be run, is killed by a signal or times out may work later.
Delivery delivery_of(const Finished& end) {
  if (end.exited_with(0)) return Delivery::sent;
  const bool refused = end.started && end.in_time && end.status > 0;
  return refused && end.status != kTemporaryFailure ? Delivery::failed : Delivery::try_again;
}

}  // namespace

Delivery run_send_command(const Config& config, std::uint64_t id, const Message& message,
                          const std::function<void(std::string_view, bool)>& relay) {
  std::string json = json_of(config.sms_origin, id, message);
  Finished end;
  try {
    end = run_to_end({.command = {config.sms_command},
                      .limit = std::chrono::seconds(config.sms_timeout),
                      .input = json,
                      .keeps_output = relay != nullptr,
                      .relay = relay});
  } catch (const std::system_error& error) {
    log::warning({"message ", std::to_string(id), ": ", error.what()});
  }
  wipe(json);
  const Delivery delivery = delivery_of(end);
  if (delivery != Delivery::sent) {
    log::warning({"message ", std::to_string(id), ": ", config.sms_command,
                  !end.started   ? std::string(" could not be run")
                  : !end.in_time ? " took longer than " + std::to_string(config.sms_timeout) + " s"
                                 : " ended with status " + std::to_string(end.status)});
  }
  return delivery;
}

}  // namespace users
