#include "import/run.hpp"

#include "accounts/password.hpp"

namespace users {
namespace {

constexpr std::chrono::milliseconds kBetweenTries{250};

ImportedUser hashed(const PasswordCheck& passwords, ImportRow row) {
  return {row.phone.e164(), row.hash.empty() ? passwords.hash(row.password) : std::move(row.hash),
          std::move(row.created), std::move(row.disabled)};
}

/// Takes out those whose phone has an account.
void drop_registered(db::Database& database, std::vector<ImportedUser>& users) {
  std::vector<std::string> phones;
  phones.reserve(users.size());
  for (const auto& user : users) phones.push_back(user.phone);
  const auto found = database.replay(
      [&](db::Connection& connection) { return find_registered(connection, phones); });
  std::erase_if(users, [&](const auto& user) { return found.contains(user.phone); });
}

}  // namespace

ImportRun::ImportRun(const Config& config, const Secret& database_password, const ImportFile& file,
                     const ImportPlan& plan, std::string operator_name, unsigned threads)
    : config_(config),
      database_password_(database_password),
      file_(file),
      plan_(plan),
      operator_name_(std::move(operator_name)),
      running_(threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ImportRun::~ImportRun() {
  stop();
}

void ImportRun::wait() {
  for (std::jthread& thread : threads_) thread.join();
  threads_.clear();
  if (failure_) std::rethrow_exception(failure_);
}

void ImportRun::work() {
  try {
    Metrics metrics;
    const PasswordCheck passwords(config_, metrics);
    db::Database database(config_, database_password_, metrics);
    while (!stopped_) {
      auto rows = take_batch();
      if (rows.empty()) break;
      std::vector<ImportedUser> users;
      users.reserve(rows.size());
      for (ImportRow& row : rows) users.push_back(hashed(passwords, std::move(row)));
      write(database, std::move(users));
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    stop();
  }
  --running_;
}

std::vector<ImportRow> ImportRun::take_batch() {
  const std::lock_guard lock(mutex_);
  file_.require_unchanged();
  std::vector<ImportRow> rows;
  while (rows.size() < kBatch && next_ < plan_.todo.size()) {
    rows.push_back(read_again(plan_.todo[next_]));
    ++next_;
  }
  return rows;
}

ImportRow ImportRun::read_again(const PlannedRow& planned) {
  auto line = reader_.next();
  while (line && line->number < planned.line) line = reader_.next();
  if (!line || line->number != planned.line ||
      plan_.fingerprints.of(line->text) != planned.fingerprint) {
    throw file_.changed();
  }
  auto judged = judge_row(plan_.layout, *line, config_.phone_default_region);
  auto* row = std::get_if<ImportRow>(&judged);
  if (row == nullptr) throw file_.changed();  // the same text, but now without a line end
  return std::move(*row);
}

void ImportRun::write(db::Database& database, std::vector<ImportedUser> users) {
  const std::size_t all = users.size();
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  const auto wait_or_rethrow = [&] {
    if (stopped_ || std::chrono::steady_clock::now() > patience) throw;
    std::this_thread::sleep_for(kBetweenTries);
  };
  const auto operation = db::new_operation();
  bool was_tried = false;
  while (!users.empty()) {
    try {
      if (std::exchange(was_tried, true) && database.is_done(operation)) break;
      database.once(operation, [&](db::Transaction& transaction) {
        insert_imported(transaction, users, operator_name_);
        return true;
      });
      break;
    } catch (const db::DuplicateKey&) {
      drop_registered(database, users);
    } catch (const db::Unavailable&) {
      wait_or_rethrow();
    } catch (const db::ConnectionLost&) {  // of a server that took its time
      wait_or_rethrow();
    }
  }
  written_ += users.size();
  taken_ += all - users.size();
}

}  // namespace users
