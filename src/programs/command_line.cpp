#include "programs/command_line.hpp"

#include <cstdlib>
#include <ctime>
#include <iostream>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <unistd.h>

#include "base/crypto.hpp"
#include "db/database.hpp"

namespace users {

CommandLine read_command_line(int argc, char** argv, const char* check_option) {
  namespace po = boost::program_options;
  CommandLine line;
  po::options_description options;
  options.add_options()("config", po::value(&line.config))("help", po::bool_switch(&line.help))(
      "version", po::bool_switch(&line.version))(check_option, po::bool_switch(&line.check))(
      "words", po::value(&line.words));
  po::positional_options_description positional;
  positional.add("words", -1);
  po::variables_map values;
  // No guessing: a shortened name would change its meaning with the next option.
  constexpr int kStyle =
      po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::store(po::command_line_parser(argc, argv)
                .options(options)
                .positional(positional)
                .style(kStyle)
                .run(),
            values);
  po::notify(values);
  return line;
}

int run_program(std::string_view name, const std::function<int(int, char**)>& body, int argc,
                char** argv) {
  const auto say = [&](const char* what, int status) {
    std::cerr << name << ": " << what << '\n';
    return status;
  };
  try {
    ::setenv("TZ", "UTC0", 1);  // NOLINT(concurrency-mt-unsafe): before any thread
    ::tzset();
    forbid_core_dumps();
    crypto::start();
    return body(argc, argv);
  } catch (const ConfigError& error) {
    return say(error.what(), kExitConfig);
  } catch (const db::SchemaMismatch& error) {
    return say(error.what(), kExitConfig);
  } catch (const db::DatabaseError& error) {
    return say(error.what(), kExitUnavailable);
  } catch (const boost::program_options::error& error) {
    std::cerr << name << ": " << error.what() << "; see " << name << " --help\n";
    return kExitUsage;
  } catch (const std::exception& error) {
    return say(error.what(), EXIT_FAILURE);
  }
}

int run_service(std::string_view name, std::string_view help,
                int (*body)(const Config&, const Secret&, const Secret&), int argc, char** argv) {
  const auto start = [&](int count, char** words) {
    const CommandLine line = read_command_line(count, words, "check-config");
    if (line.help) {
      std::cout << help;
      return EXIT_SUCCESS;
    }
    if (line.version) {
      std::cout << name << " " USERS_FCGI_VERSION "\n";
      return EXIT_SUCCESS;
    }
    if (!line.words.empty()) {
      std::cerr << name << ": takes no arguments; see " << name << " --help\n";
      return kExitUsage;
    }
    const Config config = load_config(line.config, environ);
    const Secret password =
        read_secret(config, "database.password_file", config.database_password_file);
    const Secret key = read_key(config);
    require_tls_ca(config);
    if (line.check) {
      const std::string warning = db::clear_text_warning(config);
      if (!warning.empty()) std::cerr << name << ": warning: " << warning << '\n';
      std::cout << line.config << ": the configuration is good\n";
      return EXIT_SUCCESS;
    }
    return body(config, password, key);
  };
  return run_program(name, start, argc, argv);
}

}  // namespace users
