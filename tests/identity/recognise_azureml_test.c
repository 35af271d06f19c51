// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/identity/facts.h"
#include "tests/test.h"

static void a_run_of_a_workspace(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "AZUREML_RUN_ID=frosty_boot_abc\0AZUREML_ARM_WORKSPACE_NAME=ws1\0AZUREML_ARM_PROJECT_NAME="
		      "llama\0AZUREML_FRAMEWORK=PyTorch\0"
		      "AZUREML_RUN_TOKEN=eyJsecret");
	assert_is(&k, "azureml:frosty_boot_abc@ws1", NULL);
	assert_string_equal(k.is[0].job_name, "frosty_boot_abc");
	assert_job_attr(&k, "experiment", "llama");
}

static void its_ranks_and_its_mlflow_run(void **state)
{
	struct known k;

	(void)state;
	known_reset(&k);
	KNOWN_ENV(&k, "AZUREML_RUN_ID=frosty_boot_abc\0AZUREML_ARM_WORKSPACE_NAME=ws1\0MLFLOW_RUN_ID=frosty_boot_"
		      "abc\0RANK=3\0LOCAL_RANK=3\0"
		      "WORLD_SIZE=8\0MASTER_ADDR=10.0.0.4\0MASTER_PORT=6105\0NODE_RANK=0");
	known_argv(&k, "python train.py");
	assert_is(&k, "azureml:frosty_boot_abc@ws1", "azureml:frosty_boot_abc@ws1/3");
	assert_int_equal(k.n, 2);
	assert_job_attr(&k, "mlflow_run", "frosty_boot_abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_of_a_workspace),
		cmocka_unit_test(its_ranks_and_its_mlflow_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
