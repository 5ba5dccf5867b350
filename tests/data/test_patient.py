import pytest

from minunet.data.patient import Patient, split_patients
from minunet.engine.files import InputError


def people(n):
    def load():
        raise AssertionError("a split has no need of pixels")

    return [Patient(f"p{i}", ("1", "2"), load) for i in range(n)]


def names(patients):
    return [patient.name for patient in patients]


def test_every_patient_goes_to_exactly_one_part_and_order_is_kept():
    patients = people(45)
    training, validation = split_patients(patients, 0.2, seed=0)
    assert (len(training), len(validation)) == (36, 9)
    assert sorted(names(training) + names(validation)) == sorted(names(patients))
    assert training == [p for p in patients if p in training]
    assert validation == [p for p in patients if p in validation]


def test_the_seed_decides_the_split():
    patients = people(20)
    assert split_patients(patients, 0.3, seed=1) == split_patients(patients, 0.3, seed=1)
    assert split_patients(patients, 0.3, seed=1) != split_patients(patients, 0.3, seed=2)


@pytest.mark.parametrize("n, fraction, held_out", [(2, 0.01, 1), (2, 0.99, 1), (3, 0.9, 2)])
def test_no_part_is_ever_empty(n, fraction, held_out):
    training, validation = split_patients(people(n), fraction, seed=0)
    assert (len(training), len(validation)) == (n - held_out, held_out)


def test_with_a_fraction_of_0_nobody_is_held_out():
    patients = people(3)
    assert split_patients(patients, 0, seed=0) == (patients, [])


@pytest.mark.parametrize("n, found", [(0, "no patient"), (1, "the one patient p0")])
def test_fewer_than_two_patients_cannot_be_split(n, found):
    with pytest.raises(InputError, match=f"found {found}; give at least two"):
        split_patients(people(n), 0.2, seed=0)


@pytest.mark.parametrize("fraction", [1, -0.1, 1.5])
def test_a_fraction_lies_from_0_to_below_1(fraction):
    with pytest.raises(ValueError, match="fraction"):
        split_patients(people(3), fraction, seed=0)


def test_a_patient_keeps_no_pixels_and_does_not_change():
    patient = people(1)[0]
    assert patient.spacing is None
    with pytest.raises(AttributeError):
        patient.name = "another"
